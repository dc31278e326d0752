// Rows changed and deleted behind the cloud's back are repaired, what others keep is left alone and reported, and packets pass again.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { Direction } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { systemClock } from "../../server/src/clock.ts";
import { silentLog } from "../../server/src/engine/hooks.ts";
import type { Findings } from "../../server/src/services/network/comparison.ts";
import { NetworkWatcher } from "../../server/src/services/network/watcher.ts";
import { acme } from "../../server/src/services/testing/small-cloud.ts";
import { type CloudField, type Net, type Seat, startCloudField } from "./cloud-field.ts";
import { describeOnOvn, eventually } from "./field.ts";

const run = promisify(execFile);

describeOnOvn("the network's comparison with the store", () => {
  let field: CloudField;
  let watcher: NetworkWatcher;
  let net: Net;
  let one: Seat;
  let two: Seat;

  beforeAll(async () => {
    field = await startCloudField({ hosts: 1 });
    const { store, resources } = field.cloud;
    watcher = new NetworkWatcher({
      store,
      slices: resources.slices,
      network: field.lab.driver,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
    watcher.start();
    net = await field.net(acme, 1);
    const group = await field.group(acme, { all: { direction: Direction.INGRESS } });
    one = await field.seat(net, [group]);
    two = await field.seat(net, [group]);
  }, 90_000);
  afterAll(async () => {
    await watcher?.stop();
    await field?.stop();
  }, 30_000);
  beforeEach(async () => {
    await repaired();
    await packetsPass();
  }, 60_000);

  async function nbctl(...args: readonly string[]): Promise<string> {
    return (await run("ovn-nbctl", [`--db=${field.lab.ovn.northbound}`, "--timeout=10", ...args])).stdout.trim();
  }

  /** Checks until nothing is found any more. */
  async function repaired(): Promise<Findings> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const findings = await watcher.check();
      if (findings.drifted.length + findings.strays.length === 0) return findings;
      if (Date.now() > deadline) throw new Error(JSON.stringify(findings));
    }
  }

  async function packetsPass(): Promise<void> {
    const passes = () => one.guest.pings(two.port.ipAddress ?? "");
    expect(await eventually(passes, (answers) => answers)).toBe(true);
  }

  test.each([
    ["a port's row is deleted", () => nbctl("lsp-del", two.port.id)],
    ["a port's addresses are changed", () => nbctl("lsp-set-addresses", two.port.id, "02:00:00:00:00:01 10.9.9.9")],
    ["a subnet's switch is deleted", () => nbctl("ls-del", `ls-${net.subnet.id}`)],
    ["a router is deleted", () => nbctl("lr-del", `lr-${net.vpc.id}`)],
    ["all rules are deleted", () => nbctl("--all", "destroy", "Port_Group")],
    ["DHCP is deleted", () => nbctl("--all", "destroy", "DHCP_Options")],
  ])(
    "repairs it when %s",
    async (_, damage) => {
      await damage();
      await repaired();
      await field.programmed(net.vpc.id);
      await packetsPass();
    },
    60_000,
  );

  test("fills an emptied Northbound again", async () => {
    for (const table of ["Logical_Switch", "Logical_Router", "Port_Group", "Address_Set", "DHCP_Options"])
      await nbctl("--all", "destroy", table);
    await repaired();
    await field.programmed(net.vpc.id);
    await packetsPass();
  }, 60_000);

  test("reports what others keep, and leaves it alone", async () => {
    await nbctl("ls-add", "somebody-elses");
    const { foreign } = await repaired();
    expect(foreign).toMatchObject([{ type: "Logical_Switch", id: "somebody-elses" }]);
    expect(await nbctl("ls-list")).toContain("somebody-elses");
    await nbctl("ls-del", "somebody-elses");
  }, 60_000);

  test("removes what carries the cloud's mark and belongs to nothing", async () => {
    const id = "vpc-00000000000000000000000000";
    const { driver } = field.lab;
    await driver.ensure(
      { type: "router", id, owner: "acme/alpha", cidrs: ["10.0.0.0/16"] },
      AbortSignal.timeout(10_000),
    );
    const { strays } = await watcher.check();
    expect(strays).toEqual([{ type: "router", id, detail: "removed" }]);
    expect(await nbctl("lr-list")).not.toContain(id);
  }, 60_000);

  test.each(["northd", "northbound"])(
    "converges when %s is killed in the middle of changes",
    async (daemon) => {
      const pid = field.lab.ovn.daemons().find(({ name }) => name === daemon)?.pid;
      const more = Promise.all([field.net(acme, 20 + daemon.length), field.net(acme, 40 + daemon.length)]);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      const nets = await more;
      await repaired();
      const switches = await nbctl("ls-list");
      for (const { subnet } of nets) expect(switches).toContain(subnet.id);
      await packetsPass();
    },
    90_000,
  );
});
