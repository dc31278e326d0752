// A person logs in on a real guest through the whole cloud: the command, the WebSocket, the driver, the serial line, the guest's shell.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { tinyImage } from "../../scripts/images/tiny.ts";
import { Hands } from "../scenarios/calls.ts";
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
      await hands.must("Vm", "StopVm", { id: vm.id });
      await hands.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
      const log = await runPhoton("vm log shell", { env, now: Date.now() });
      expect(log.out).toContain("the answer is 42 of Linux");
    },
    2 * guestPatienceMs,
  );
});
