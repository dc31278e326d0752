import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { namespaces } from "../../linux/namespaces.ts";
import { openHostNetwork } from "../../network/ovn/chassis/open-vswitch.ts";
import type { Guest } from "../../network/ovn/testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../../network/ovn/testing/network-lab.ts";
import { describeOnOvn } from "../../network/ovn/testing/require.ts";
import { sampleNetwork, samplePort } from "../../network/ovn/testing/sample-network.ts";
import { sampleMachine } from "../contract.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./index.ts";
import { standInPrefix } from "./stand-in.ts";
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
  const open = () => {
    const [host] = lab.ovn.hosts;
    if (host === undefined) throw new Error("the lab has no host");
    const openHost = (aborts: AbortSignal) => openHostNetwork(host, { signal: aborts });
    return simulatedHypervisor({ standIns: new StandIns({ openHost, dir, log: () => {} }) });
  };
  const run = async (hypervisor: SimulatedHypervisor) => {
    const { imageId: _, ...machine } = sampleMachine("vm-1", "");
    await hypervisor.define({ ...machine, hostname: "web", nics: [{ id: "eth0", portId, macAddress }] }, signal);
    await hypervisor.start("vm-1", signal);
  };
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
  afterAll(async () => {
    await lab.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test("answers pings and says its name on a page while it runs, and is gone when it is off", async () => {
    const hypervisor = open();
    await run(hypervisor);
    expect(await eventually(() => peer.pings(ipAddress))).toBe(true);
    expect((await peer.run("busybox", "wget", "-q", "-O", "-", `http://${ipAddress}/`)).stdout).toBe("web\n");
    await hypervisor.stop("vm-1", { graceMs: 0 }, signal);
    expect(await eventually(async () => (await standIns()).length === 0)).toBe(true);
    expect(await peer.pings(ipAddress)).toBe(false);
    await hypervisor.close();
  });

  test("is made anew by the next server where one was killed, and goes when the server stops", async () => {
    const killed = open();
    await run(killed);
    expect(await eventually(() => peer.pings(ipAddress))).toBe(true);
    const next = open();
    await run(next);
    expect(await eventually(() => peer.pings(ipAddress))).toBe(true);
    expect(await standIns()).toHaveLength(1);
    await next.close();
    expect(await standIns()).toEqual([]);
    await killed.close();
  });
});
