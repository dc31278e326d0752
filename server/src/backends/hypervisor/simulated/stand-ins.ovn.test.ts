import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { namespaces } from "../../linux/namespaces.ts";
import { openHostNetwork } from "../../network/ovn/chassis/open-vswitch.ts";
import type { Guest } from "../../network/ovn/testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../../network/ovn/testing/network-lab.ts";
import { describeOnOvn } from "../../network/ovn/testing/require.ts";
import { sampleNetwork, samplePort } from "../../network/ovn/testing/sample-network.ts";
import { sampleMachine } from "../contract.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./index.ts";
import { StandIn, standInPrefix } from "./stand-in.ts";
import { StandIns } from "./stand-ins.ts";

const { signal } = new AbortController();
const { portId, macAddress, ipAddress } = samplePort(1);

async function eventually(ask: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + 15_000; Date.now() < end; await wait(50)) if (await ask()) return true;
  return false;
}

describeOnOvn("a simulated machine on a real network", () => {
  const dir = mkdtempSync("/tmp/ps");
  let lab: NetworkLab;
  let peer: Guest;
  let running: SimulatedHypervisor | undefined;
  const { imageId: _, ...sample } = sampleMachine("vm-1", "");
  const machine = { ...sample, hostname: "web", nics: [{ id: "eth0", portId, macAddress }] };
  const openHost = (aborts: AbortSignal) => {
    const [host] = lab.ovn.hosts;
    if (host === undefined) throw new Error("the lab has no host");
    return openHostNetwork(host, { signal: aborts });
  };
  const run = async () => {
    const hypervisor = simulatedHypervisor({ standIns: new StandIns({ openHost, dir, log: () => {} }) });
    running = hypervisor;
    await hypervisor.define(machine, signal);
    await hypervisor.start("vm-1", signal);
    return hypervisor;
  };
  const page = async () => (await peer.run("busybox", "wget", "-q", "-O", "-", `http://${ipAddress}/`)).stdout;
  const standIns = async () => {
    const prefix = standInPrefix({ namespace: lab.ovn.hosts[0]?.namespace });
    return (await namespaces()).filter((name) => name.startsWith(prefix));
  };

  beforeAll(async () => {
    lab = await startNetworkLab();
    for (const object of sampleNetwork(2)) await lab.driver.ensure(object, signal);
    peer = await lab.plug(samplePort(2));
    await peer.dhcp();
  });
  // Also after a test that failed: one that still runs would try again, and make what the end of the lab takes away.
  afterEach(() => running?.close());
  afterAll(async () => {
    await lab.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test("answers pings and says its name on a page while it runs, and is gone when it is off", async () => {
    const hypervisor = await run();
    expect(await eventually(() => peer.pings(ipAddress))).toBe(true);
    expect(await page()).toBe("web\n");
    await hypervisor.stop("vm-1", { graceMs: 0 }, signal);
    expect(await eventually(async () => (await standIns()).length === 0)).toBe(true);
    expect(await peer.pings(ipAddress)).toBe(false);
  });

  test("is made anew by the next server where one was killed, and goes when the server stops", async () => {
    // What a killed server leaves behind, and no more: nothing of it tries again.
    await using host = { network: await openHost(signal), [Symbol.asyncDispose]: () => host.network.close() };
    await new StandIn({ ...machine, hostname: "left" }, { host: host.network, dir }).start(signal);
    expect(await eventually(async () => (await page()) === "left\n")).toBe(true);
    const hypervisor = await run();
    expect(await eventually(async () => (await page()) === "web\n")).toBe(true);
    expect(await standIns()).toHaveLength(1);
    await hypervisor.close();
    expect(await standIns()).toEqual([]);
  });
});
