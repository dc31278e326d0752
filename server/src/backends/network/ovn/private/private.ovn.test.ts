import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { namespaces } from "../../../linux/namespaces.ts";
import type { Guest } from "../testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../testing/network-lab.ts";
import { describeOnOvn } from "../testing/require.ts";
import { sampleNetwork, samplePort } from "../testing/sample-network.ts";
import type { PrivateOvn } from "./private-ovn.ts";
import { startPrivateOvn } from "./start.ts";

const { signal } = new AbortController();

/** Asks until it is so. */
async function eventually(what: string, withinMs: number, ask: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end; await wait(50)) if (await ask()) return;
  throw new Error(`after ${withinMs} ms still not: ${what}`);
}

/** The command lines of the machine's processes. */
function processes(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8")] : [];
    } catch {
      return [];
    }
  });
}

async function expectNothingLeft(dir: string, name: string): Promise<void> {
  expect(processes().filter((line) => line.includes(`${dir}/`))).toEqual([]);
  expect((await namespaces()).filter((namespace) => namespace.startsWith(`${name}-`))).toEqual([]);
  expect(readdirSync("/sys/class/net").filter((device) => device.startsWith(`${name}-`))).toEqual([]);
  expect(readdirSync(dir).filter((file) => !/^(nb\d\.db|log)$/.test(file))).toEqual([]);
}

async function untilAllRun(ovn: PrivateOvn): Promise<void> {
  await eventually("every daemon runs", 10_000, () => ovn.daemons().every(({ pid }) => pid !== undefined));
}

describeOnOvn("a private OVN with two hosts", () => {
  let lab: NetworkLab;
  let [near, far]: Guest[] = [];
  let lease: object | undefined;
  const peer = samplePort(2).ipAddress;
  const pings = async () => (await near?.pings(peer)) ?? false;

  beforeAll(async () => {
    lab = await startNetworkLab({ hosts: 2 });
    for (const object of sampleNetwork(2)) await lab.driver.ensure(object, signal);
    [near, far] = await Promise.all([lab.plug({ host: 0, ...samplePort(1) }), lab.plug({ host: 1, ...samplePort(2) })]);
    await lab.driver.programmed("vpc-sample", signal);
    await far?.dhcp();
    lease = await near?.dhcp();
  });
  afterAll(async () => lab.stop());

  test("its guests get their addresses and speak across the hosts, by ICMP, TCP and UDP", async () => {
    expect(lease).toMatchObject({ ip: samplePort(1).ipAddress, mask: "24", router: "10.0.1.1" });
    await far?.serveTcp(80, "hello");
    await far?.serveUdp(7);
    expect(await pings()).toBe(true);
    expect(await near?.connects(peer, 80)).toBe("hello");
    expect(await near?.echoes(peer, 7, { fromPort: 4_000, bytes: 1_000 })).toBe(true);
  });

  test("its outside answers", async () => {
    expect(await lab.outside().pings("203.0.113.1")).toBe(true);
  });

  test("a daemon that is killed comes back, whichever it is, and packets pass again (T1)", async () => {
    for (const { name } of lab.ovn.daemons()) {
      const pid = () => lab.ovn.daemons().find((daemon) => daemon.name === name)?.pid;
      const before = pid();
      if (before === undefined) throw new Error(`${name} does not run`);
      process.kill(before, "SIGKILL");
      await eventually(`${name} runs again`, 10_000, () => pid() !== undefined && pid() !== before);
      await eventually(`packets pass after the end of ${name}`, 20_000, pings);
    }
  }, 120_000);

  test("all daemons killed at once come back, and take changes", async () => {
    for (const { pid } of lab.ovn.daemons()) if (pid !== undefined) process.kill(pid, "SIGKILL");
    await untilAllRun(lab.ovn);
    await eventually("packets pass", 20_000, pings);
    const third = sampleNetwork(3).at(-1);
    if (third !== undefined) await lab.driver.ensure(third, AbortSignal.timeout(20_000));
    const guest = await lab.plug(samplePort(3));
    await guest.configure({ addresses: [`${samplePort(3).ipAddress}/24`] });
    await eventually("a new guest is reached", 20_000, () => guest.pings(peer));
  }, 60_000);
});

describeOnOvn("a private OVN's folder and names", () => {
  const name = "tlife";
  let dir: string;
  const start = () =>
    startPrivateOvn({ dir, name, external: { physicalNetwork: "physnet1", address: "203.0.113.1/24" } });
  beforeAll(() => {
    dir = mkdtempSync("/tmp/p");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("hold nothing after it is stopped but the Northbound and the logs", async () => {
    const ovn = await start();
    await ovn.stop();
    await expectNothingLeft(dir, name);
  });

  test("are free again when the process that ran it is killed", async () => {
    const program = startInAnotherProcess(dir, name);
    await once(program.stdout ?? program, "data");
    await expect(start()).rejects.toThrow(/belongs to process \d+, which still runs/);
    program.kill("SIGKILL");
    await once(program, "exit");
    const ovn = await start();
    expect(ovn.hosts).toHaveLength(1);
    await ovn.stop();
    await expectNothingLeft(dir, name);
  });
});

describeOnOvn("a private OVN with three servers for each database", () => {
  test("survives the end of any one of them", async () => {
    const lab = await startNetworkLab({ servers: 3 });
    const objects = sampleNetwork(3);
    const [router, ...rest] = objects;
    if (router !== undefined) await lab.driver.ensure(router, signal);
    for (const name of ["northbound", "northbound-2", "northbound-3", "southbound"]) {
      const daemon = lab.ovn.daemons().find((one) => one.name === name);
      if (daemon?.pid !== undefined) process.kill(daemon.pid, "SIGKILL");
      const next = rest.shift();
      if (next !== undefined) await lab.driver.ensure(next, AbortSignal.timeout(20_000));
      await untilAllRun(lab.ovn);
    }
    expect(await lab.driver.inventory()).toHaveLength(5);
    await lab.stop();
  }, 60_000);
});

/** Runs a private OVN in a process of its own, which says "ready". */
function startInAnotherProcess(dir: string, name: string): ChildProcess {
  const start = join(import.meta.dirname, "start.ts");
  const code = `import { startPrivateOvn } from ${JSON.stringify(start)};
    await startPrivateOvn({ dir: ${JSON.stringify(dir)}, name: ${JSON.stringify(name)} });
    process.stdout.write("ready");`;
  const args = ["--conditions=photon-source", "--input-type=module-typescript", "--eval", code];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}
