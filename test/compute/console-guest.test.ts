// A person logs in on a real guest through the whole cloud: the command, the WebSocket, the driver, the serial line, the guest's shell; and looks
// at its screen.
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { tinyImage } from "../../scripts/images/tiny.ts";
import { Hands } from "../scenarios/calls.ts";
import { textOf, upgradeStatus } from "./console-client.ts";
import { ConsoleCommand, environmentOf } from "./console-command.ts";
import { type GuestCloud, guestPatienceMs, guestsMissing, startGuestCloud } from "./guest-cloud.ts";

const missing = guestsMissing();
const withGuests = missing === undefined ? describe : describe.skip;

withGuests(`a real guest's console${missing === undefined ? "" : ` (${missing})`}`, () => {
  let guests: GuestCloud;
  beforeAll(async () => {
    guests = await startGuestCloud();
  }, guestPatienceMs);
  afterAll(() => guests?.stop(), guestPatienceMs);

  test(
    "of an image that was imported from a file answers what is typed, and its log is there when the machine has ended",
    async () => {
      const tenant = await guests.cloud.tenant("acme-corp", "project-alpha");
      const hands = new Hands(guests.cloud.url, tenant, guestPatienceMs);
      const env = environmentOf(guests.cloud.url, tenant);
      const imported = await runPhoton(
        ["image", "import", tinyImage(".photon/images"), "--id", "mine", "--wait", "-o", "json"],
        { env, now: Date.now() },
      );
      expect(imported).toMatchObject({ code: 0, err: "" });
      expect(JSON.parse(imported.out)).toMatchObject({ virtualSizeBytes: expect.stringMatching(/^[1-9]\d+$/) });
      const vm = await hands.create("Vm", { name: "shell", spec: { cpu: 1, memory: 128, image_id: "mine" } });
      await hands.until("Vm", vm.id, ({ state }) => state === "VM_STATE_RUNNING");
      const command = new ConsoleCommand("shell", env, false);
      // The sum is in no echo of what was typed.
      await command.shows(/the answer is 42\b/, guestPatienceMs, "\recho the answer is $((6 * 7)) of $(uname -s)\r");
      command.end();
      expect(await command.ended).toMatchObject({ code: 0 });
      await seesTheScreen(hands, vm.id);
      await hands.must("Vm", "StopVm", { id: vm.id });
      await hands.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
      const log = await runPhoton("vm log shell", { env, now: Date.now() });
      expect(log.out).toContain("the answer is 42 of Linux");
    },
    2 * guestPatienceMs,
  );
});

/** Shakes hands as RFB says (RFC 6143, section 7) by a URL that is good once, and for this machine alone. */
async function seesTheScreen(hands: Hands, vmId: string): Promise<void> {
  const asked = { vm_id: vmId, type: "CONSOLE_TYPE_VNC" };
  const { body } = await hands.call("Vm", "OpenConsole", asked, "plasmavmc.v1.ConsoleService");
  const url = textOf(body, "url");
  const screen = new Screen(url);
  expect((await screen.read(12)).toString()).toBe("RFB 003.008\n");
  screen.write(Buffer.from("RFB 003.008\n"));
  const [count = 0] = await screen.read(1);
  expect([...(await screen.read(count))]).toContain(rfb.noSecurity);
  screen.write([rfb.noSecurity]);
  expect((await screen.read(4)).readUInt32BE()).toBe(rfb.ok);
  screen.write([rfb.shared]);
  const init = await screen.read(24);
  const [width, height] = [init.readUInt16BE(0), init.readUInt16BE(2)];
  expect(width).toBeGreaterThanOrEqual(640);
  expect(height).toBeGreaterThanOrEqual(400);
  expect((await screen.read(init.readUInt32BE(20))).toString()).toContain(vmId);
  expect(await upgradeStatus(url)).toBe(401);
  screen.close();
}

const rfb = { noSecurity: 1, ok: 0, shared: 1 } as const;

/** A viewer that reads as many bytes as it needs. */
class Screen {
  readonly #socket: WebSocket;
  readonly #open: Promise<unknown>;
  #bytes = Buffer.alloc(0);
  #more = Promise.withResolvers<void>();

  constructor(url: string) {
    this.#socket = new WebSocket(url, ["binary"]);
    this.#socket.binaryType = "arraybuffer";
    this.#open = once(this.#socket, "open");
    this.#socket.addEventListener("message", ({ data }) => {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.from(data)]);
      this.#more.resolve();
    });
    this.#socket.addEventListener("close", () => this.#more.reject(new Error("the screen was closed")));
  }

  async read(count: number): Promise<Buffer> {
    await this.#open;
    while (this.#bytes.length < count) {
      this.#more = Promise.withResolvers();
      await this.#more.promise;
    }
    const bytes = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return bytes;
  }

  write(bytes: Uint8Array | readonly number[]): void {
    this.#socket.send(Buffer.from(bytes));
  }

  close(): void {
    this.#socket.close();
  }
}
