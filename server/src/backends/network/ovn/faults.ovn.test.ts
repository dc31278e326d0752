// What may happen to a Northbound while the driver works on it: others' hands, restarts, a lost leader, a host that hangs.
import { rename } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { command } from "../../linux/command.ts";
import { inOrder, sampleNetwork, sampleOutside } from "../contract.ts";
import type { NetworkChange, NetworkObject, PortSpec } from "../driver.ts";
import { keyOf } from "../topology.ts";
import { openOvnNetwork } from "./driver.ts";
import { rowUuid } from "./mapping/uuids.ts";
import { type NetworkLab, startNetworkLab } from "./testing/network-lab.ts";
import { describeOnOvn } from "./testing/require.ts";

/** Where a Northbound has lost its leader, ovn-northd alone may take 24 seconds. */
const deadline = () => AbortSignal.timeout(60_000);

/** Resolves when a condition holds; fails after twenty seconds, naming the line that waited. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const late = new Error("it is still not so after twenty seconds");
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw late;
    await wait(20);
  }
}

const nbctl = ({ ovn }: NetworkLab, ...words: string[]) => command("ovn-nbctl", [`--db=${ovn.northbound}`, ...words]);

function kill({ ovn }: NetworkLab, name: string, signal: NodeJS.Signals = "SIGKILL"): void {
  const pid = ovn.daemons().find((daemon) => daemon.name === name)?.pid;
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, signal);
}

const hex = (n: number) => n.toString(16).padStart(2, "0");

/** Copies of a port. */
function manyPorts(count: number, port: PortSpec): PortSpec[] {
  return Array.from({ length: count }, (_, n) => ({
    ...port,
    id: `${port.id}-${n}`,
    macAddress: `fa:16:3e:01:${hex(n >> 8)}:${hex(n & 255)}`,
    ipAddresses: [`10.0.${1 + (n >> 8)}.${n & 255}`],
  }));
}

async function ensureAll({ driver }: NetworkLab, objects: readonly NetworkObject[]): Promise<void> {
  const signal = deadline();
  await Promise.all(objects.map((object) => driver.ensure(object, signal)));
}

/** Ensures objects a few at a time, a millisecond apart, with a fault in the middle. */
async function ensureUnder(lab: NetworkLab, objects: readonly NetworkObject[], fault: () => void): Promise<void> {
  const works: Promise<void>[] = [];
  for (let from = 0; from < objects.length; from += 10) {
    works.push(ensureAll(lab, objects.slice(from, from + 10)));
    if (works.length === 10) fault();
    await wait(1);
  }
  await Promise.all(works);
}

async function expectWhole({ driver }: NetworkLab, objects: readonly NetworkObject[]): Promise<void> {
  const { drifted, strays } = await driver.audit(objects, deadline());
  expect({ drifted, strays }).toEqual({ drifted: [], strays: [] });
}

describeOnOvn("the OVN driver and others' hands", () => {
  let lab: NetworkLab;
  const told: NetworkChange[] = [];
  const sample = sampleNetwork("hands");
  const objects = inOrder(sample);
  const [port] = sample.ports;

  beforeAll(async () => {
    lab = await startNetworkLab();
    lab.driver.onChange((change) => told.push(change));
    await nbctl(lab, "ls-add", "theirs", "--", "lsp-add", "theirs", "their-port");
  });
  afterEach(async () => {
    for (const object of objects.toReversed()) await lab.driver.remove(object, deadline());
    await until(async () => (await lab.driver.inventory()).length === 0);
    told.length = 0;
  });
  afterAll(() => lab.stop());

  test.each<[string, readonly string[], readonly string[]]>([
    ["a changed port", ["lsp-set-addresses", port.id, "unknown"], [keyOf(port)]],
    ["a deleted port", ["lsp-del", port.id], [keyOf(port)]],
    ["a port whose mark is gone", ["clear", "Logical_Switch_Port", port.id, "external_ids"], [keyOf(port)]],
    [
      "a deleted switch",
      ["ls-del", rowUuid(sample.subnets[0][0])],
      [keyOf(port), keyOf(sample.subnets[0][0]), keyOf(sample.subnets[0][1])],
    ],
    ["a deleted router", ["lr-del", rowUuid(sample.router)], [keyOf(sample.router), keyOf(sample.subnets[0][1])]],
  ])("%s is told as drift and mended by ensure(), and others' rows stay", async (_name, words, keys) => {
    await ensureAll(lab, objects);
    await nbctl(lab, ...words);
    await until(() => keys.every((key) => told.some((change) => change.what === "drift" && keyOf(change) === key)));
    const { drifted, foreign } = await lab.driver.audit(objects, deadline());
    expect(drifted.map(keyOf)).toEqual(expect.arrayContaining([...keys]));
    expect(foreign).toEqual([
      { type: "Logical_Switch", id: "theirs", detail: "carries no mark of ours" },
      { type: "Logical_Switch_Port", id: "their-port", detail: "carries no mark of ours" },
    ]);
    await ensureAll(lab, objects);
    await expectWhole(lab, objects);
    expect(await nbctl(lab, "lsp-list", "theirs")).toContain("their-port");
  });

  test("nothing of one's own is told as drift", async () => {
    await ensureAll(lab, objects);
    await ensureAll(lab, [
      { ...port, ipAddresses: ["10.0.1.77"], securityGroupIds: [] },
      { ...sample.filter, rules: [] },
    ]);
    await lab.driver.programmed(sample.router.id, deadline());
    for (const object of objects.toReversed()) await lab.driver.remove(object, deadline());
    await wait(300);
    expect(told).toEqual([]);
  });

  test.each(["northbound", "northd", "southbound"])(
    "a %s that is killed under 300 ensures converges",
    async (daemon) => {
      const ports = manyPorts(300, port);
      await ensureAll(lab, [sample.router, sample.filter, ...sample.subnets.flat()]);
      await ensureUnder(lab, ports, () => kill(lab, daemon));
      const all = [sample.router, sample.filter, ...sample.subnets.flat(), ...ports];
      await expectWhole(lab, all);
      await lab.driver.programmed(sample.router.id, deadline());
      for (const object of ports) await lab.driver.remove(object, deadline());
    },
  );
});

describeOnOvn("the OVN driver and a Northbound that lost everything", () => {
  let lab: NetworkLab;
  const sample = sampleNetwork("lost");
  const objects = inOrder(sample);
  beforeAll(async () => {
    lab = await startNetworkLab();
  });
  afterAll(() => lab.stop());

  test("is told to look at everything, and fills it again", async () => {
    const { driver, ovn } = lab;
    const drift = new Set<string>();
    let resets = 0;
    driver.onChange((change) => drift.add(keyOf(change)));
    driver.onReset(() => {
      resets += 1;
    });
    await ensureAll(lab, objects);
    await driver.programmed(sample.router.id, deadline());
    const file = ovn.northbound.replace(/^unix:(.*)\.sock$/, "$1.db");
    await command("ovsdb-tool", ["create", `${file}.new`, "/usr/share/ovn/ovn-nb.ovsschema"]);
    await rename(`${file}.new`, file);
    kill(lab, "northbound");
    await until(() => resets > 0 && drift.size === objects.length);
    expect(await driver.inventory()).toEqual([]);
    await ensureAll(lab, objects);
    await driver.programmed(sample.router.id, deadline());
    await expectWhole(lab, objects);
  });
});

describeOnOvn("the OVN driver and a cluster of three", () => {
  let lab: NetworkLab;
  const sample = sampleNetwork("cluster");
  beforeAll(async () => {
    lab = await startNetworkLab({ servers: 3 });
  }, 60_000);
  afterAll(() => lab.stop());

  test("goes on when the leader is killed under 300 ensures", async () => {
    const ports = manyPorts(300, sample.ports[0]);
    const base = [sample.router, sample.filter, ...sample.subnets.flat()];
    await ensureAll(lab, base);
    const leader = await leaderOf(lab);
    await ensureUnder(lab, ports, () => kill(lab, leader));
    await expectWhole(lab, [...base, ...ports]);
    await lab.driver.programmed(sample.router.id, deadline());
  });
});

/** The daemon's name of the Northbound's leader. */
async function leaderOf({ ovn }: NetworkLab): Promise<string> {
  const names = ["northbound", "northbound-2", "northbound-3"];
  const select = JSON.stringify([
    "_Server",
    { op: "select", table: "Database", where: [["name", "==", "OVN_Northbound"]], columns: ["leader"] },
  ]);
  for (const [index, remote] of ovn.northbound.split(",").entries()) {
    const [answer] = JSON.parse(await command("ovsdb-client", ["query", "--no-leader-only", remote, select]));
    if (answer.rows[0]?.leader === true) return names[index] ?? "";
  }
  throw new Error("there is no leader");
}

describeOnOvn("the OVN driver and three hosts", () => {
  let lab: NetworkLab;
  const sample = sampleNetwork("hosts");
  beforeAll(async () => {
    lab = await startNetworkLab({ hosts: 3 });
    await ensureAll(lab, inOrder(sample));
  });
  afterAll(() => lab.stop());

  test("programmed() waits for a host that is slow, and not for ever for one that hangs", async () => {
    const { ovn } = lab;
    const [impatient, patient] = [
      await openOvnNetwork({ ...ovn, silenceMs: 2_000 }),
      await openOvnNetwork({ ...ovn, silenceMs: 120_000 }),
    ];
    for (const [host, { id, macAddress }] of sample.ports.entries()) await lab.plug({ host, portId: id, macAddress });
    await until(async () => (await patient.portStatus(sample.ports[0].id))?.up === true);
    await until(async () => (await patient.portStatus(sample.ports[1].id))?.up === true);
    const name = "controller@h2";
    kill(lab, name, "SIGSTOP");
    try {
      await impatient.programmed(sample.router.id, deadline());
      await impatient.programmed(sample.router.id, deadline());
      let reached = false;
      const waiting = patient.programmed(sample.router.id, deadline()).then(() => (reached = true));
      await wait(500);
      expect(reached).toBe(false);
      kill(lab, name, "SIGCONT");
      await waiting;
    } finally {
      kill(lab, name, "SIGCONT");
    }
    await Promise.all([impatient.close(), patient.close()]);
  });

  test("the gateway hosts are those with the wire, and a gateway that moved stays where it is (T10)", async () => {
    const [outside, gateway] = sampleOutside("hosts");
    const { ovn, driver } = lab;
    // On a busy machine a host that lives says nothing for a second now and then; the driver leaves what an operator has set.
    const patience = ["bfd-min-rx=1000", "bfd-min-tx=1000", "bfd-mult=4"].map((setting) => `options:${setting}`);
    await nbctl(lab, "set", "NB_Global", ".", ...patience);
    await ensureAll(lab, [{ ...outside, physicalNetwork: "physnet1" }, gateway]);
    await driver.programmed(sample.router.id, deadline());
    const hosts = ovn.hosts.map(({ systemId }) => systemId);
    const members = async () =>
      JSON.parse(await nbctl(lab, "--format=json", "--columns=chassis_name,priority", "list", "HA_Chassis")).data as [
        string,
        number,
      ][];
    const inOrderOf = async () => (await members()).sort(([, a], [, b]) => b - a).map(([name]) => name);
    await until(async () => (await members()).length === 3);
    expect((await inOrderOf()).sort()).toEqual(hosts.toSorted());
    // A host whose switch hangs goes by what its database last said: one that took the others for dead would not give way.
    await until(() => allMet(lab));
    await until(async () => (await holderOf(lab)) === (await inOrderOf())[0]);
    const first = await holderOf(lab);
    const vswitchd = `vswitchd@h${hosts.indexOf(first) + 1}`;
    kill(lab, vswitchd, "SIGSTOP");
    let second = "";
    try {
      // A host that is back before the new one is first in the order takes the gateway once more.
      await until(async () => {
        second = await holderOf(lab);
        return second !== "" && second !== first && (await inOrderOf())[0] === second;
      });
      // None of the others may count as dead from here on, however busy the machine is.
      await nbctl(lab, "set", "NB_Global", ".", "options:bfd-mult=60");
    } finally {
      kill(lab, vswitchd, "SIGCONT");
    }
    // The host that is back may claim the gateway until its controller has heard of the others; then it rests where it went.
    await until(() => rests(lab, second));
    await expectWhole(lab, [...inOrder(sample), { ...outside, physicalNetwork: "physnet1" }, gateway]);
  });
});

/** Whether every host's own database says of each of its tunnels that the other end lives. */
async function allMet({ ovn }: NetworkLab): Promise<boolean> {
  const statesOf = async (database: string) => {
    const words = ["--format=json", "--columns=bfd_status", "find", "Interface", "type=geneve"];
    const { data } = JSON.parse(await command("ovs-vsctl", [`--db=${database}`, ...words]));
    return (data as [["map", [string, string][]]][]).map(([[, status]]) => new Map(status).get("state"));
  };
  const states = await Promise.all(ovn.hosts.map(({ database }) => statesOf(database)));
  return states.every((tunnels) => tunnels.length === ovn.hosts.length - 1 && tunnels.every((state) => state === "up"));
}

/** Whether a host is the gateway whenever it is looked for in two seconds. */
async function rests(lab: NetworkLab, host: string): Promise<boolean> {
  for (const end = Date.now() + 2_000; Date.now() < end; await wait(50))
    if ((await holderOf(lab)) !== host) return false;
  return true;
}

/** The host that is the gateway; "": none. */
async function holderOf({ ovn }: NetworkLab): Promise<string> {
  const sbctl = (...words: string[]) => command("ovn-sbctl", [`--db=${ovn.southbound}`, "--bare", ...words]);
  const uuid = await sbctl("--columns=chassis", "find", "Port_Binding", "type=chassisredirect");
  return uuid.trim() === "" ? "" : (await sbctl("--columns=name", "list", "Chassis", uuid.trim())).trim();
}
