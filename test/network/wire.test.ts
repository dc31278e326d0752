// What is on the wire between two hosts, as somebody sees it who taps it: tunnels that say whose network each packet is of, and nothing else
// of a tenant's.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { systemEnv } from "../../server/src/backends/linux/command.ts";
import { namesOf } from "../../server/src/backends/network/ovn/private/wires.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { nbctl, sbctl } from "./look.ts";
import { letAllIn, TenantObjects } from "./objects.ts";

/** A tap on the first host's cable. */
class Tap implements AsyncDisposable {
  readonly #tcpdump: ChildProcess;
  #text = "";

  private constructor(tcpdump: ChildProcess) {
    this.#tcpdump = tcpdump;
    tcpdump.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#text += text));
  }

  /** Resolves when it misses nothing any more. */
  static async open({ lab }: Field): Promise<Tap> {
    const name = lab.ovn.hosts[0]?.namespace?.replace(/-h1$/, "") ?? "";
    const words = [
      "netns",
      "exec",
      namesOf(name).underlay,
      "tcpdump",
      "-nn",
      "-e",
      "-l",
      "--immediate-mode",
      "-i",
      "u1",
    ];
    const tcpdump = spawn("ip", words, { stdio: ["ignore", "pipe", "pipe"], env: systemEnv() });
    for await (const text of tcpdump.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false }))
      if (String(text).includes("listening on")) break;
    tcpdump.stderr.resume();
    return new Tap(tcpdump);
  }

  /** A line a frame. */
  get frames(): readonly string[] {
    return this.#text.split("\n").slice(0, -1);
  }

  /** The frames in tunnels that carry echoes of so many bytes, in either direction. */
  echoes(bytes: number): readonly string[] {
    return this.frames.filter((frame) => frame.includes("Geneve") && frame.endsWith(`length ${bytes + 8}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#tcpdump, "exit");
    this.#tcpdump.kill();
    await gone;
  }
}

describeOnOvn("the wire between hosts", () => {
  const tenants = [new TenantObjects("acme"), new TenantObjects("rival")] as const;
  /** By it a tenant's packets are told from the other's, which have the same addresses. */
  const bytesOf = { acme: 111, rival: 222 };
  let field: Field;
  let guests: Guest[];
  beforeAll(async () => {
    field = await startField();
    for (const tenant of tenants) {
      await field.tenant(tenant, 1, 2);
      await field.ensure(tenant.group("open", [letAllIn]));
      await field.guest(tenant.port(1, 11, ["open"]), { host: 1 });
      await field.guest(tenant.port(2, 11, ["open"]), { host: 1 });
    }
    guests = await Promise.all(tenants.map((tenant) => field.guest(tenant.port(1, 10, ["open"]))));
  }, 60_000);
  afterAll(() => field?.stop(), 30_000);

  /** The network identifier that OVN gave a subnet, as tcpdump writes it. */
  async function vniOf(tenant: TenantObjects, subnet: number): Promise<string> {
    const find = ["--bare", "--columns=_uuid", "find", "Logical_Switch"];
    const uuid = await nbctl(field, ...find, `external_ids:photon\\:id=${tenant.subnetId(subnet)}`);
    const where = `external_ids:logical-switch=${uuid}`;
    const key = await sbctl(field, "--bare", "--columns=tunnel_key", "find", "Datapath_Binding", where);
    return `vni 0x${Number(key).toString(16)}`;
  }

  const echo = (from: Guest | undefined, address: string, bytes: number) =>
    from?.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "5", "-s", String(bytes), address);

  test.each([
    ["10.0.1.11", 1],
    ["fd00:10:0:1::11", 1],
    ["10.0.2.11", 2],
    ["fd00:10:0:2::11", 2],
  ])("carries what goes to %s in Geneve, each tenant's under the identifier of its own subnet", async (address, to) => {
    await using tap = await Tap.open(field);
    const [acme, rival] = tenants;
    const pinged = await Promise.all([echo(guests[0], address, bytesOf.acme), echo(guests[1], address, bytesOf.rival)]);
    expect(pinged.map((ran) => ran?.code)).toEqual([0, 0]);
    const seen = () => Promise.resolve([tap.echoes(bytesOf.acme), tap.echoes(bytesOf.rival)]);
    const [ours = [], theirs = []] = await eventually(seen, (both) => both.every(areAnswered));
    // Requests come under the subnet that they go to, answers under the one that they came from.
    const under = async (tenant: TenantObjects) => new Set([await vniOf(tenant, to), await vniOf(tenant, 1)]);
    expect(new Set(ours.map(vniIn))).toEqual(await under(acme));
    expect(new Set(theirs.map(vniIn))).toEqual(await under(rival));
    expect((await under(acme)).isDisjointFrom(await under(rival))).toBe(true);
    for (const frame of tap.frames)
      expect(outside(frame)).not.toMatch(/10\.0\.[12]\.|fd00:10:|fa:16:3e:|0a:00:0a:|echo/i);
    for (const frame of [...ours, ...theirs])
      expect(outside(frame)).toMatch(/ 10\.99\.0\.(1\.\d+ > 10\.99\.0\.2|2\.\d+ > 10\.99\.0\.1)\.6081: $/);
  });
});

/** Whether an echo was asked for, and answered. */
function areAnswered(frames: readonly string[]): boolean {
  return ["echo request", "echo reply"].every((what) => frames.some((frame) => frame.includes(what)));
}

function vniIn(frame: string): string | undefined {
  return /vni 0x[0-9a-f]+/.exec(frame)?.[0];
}

/** What a frame shows before its tunnel's header: all of it, if it has none. */
function outside(frame: string): string {
  return frame.split("Geneve")[0] ?? "";
}
