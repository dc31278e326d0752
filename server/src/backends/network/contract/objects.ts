// What every network driver must do: objects come, stay and go as they stand on each other.
import { expect, test } from "@jest/globals";
import type { FilterRule } from "../driver.ts";
import { inOrder, sampleNetwork } from "./samples.ts";
import type { Trial } from "./trial.ts";

export function objectTests(trial: Trial): void {
  test("holds what was ensured, once, however often, and nothing after its removal", async () => {
    const objects = inOrder(sampleNetwork("twice"));
    await trial.ensureAll(objects);
    await trial.ensureAll(objects);
    expect(await trial.held("twice")).toEqual(trial.idsOf(objects));
    await trial.removeAll(objects);
    await trial.removeAll(objects);
    expect(await trial.held("twice")).toEqual([]);
  });

  test("refuses what stands on nothing", async () => {
    const { router, filter, subnets, ports } = sampleNetwork("base");
    const [[aSwitch, routerPort, dhcpOf]] = subnets;
    await trial.refused(trial.driver.ensure(aSwitch, trial.signal), "missing");
    await trial.refused(trial.driver.ensure(routerPort, trial.signal), "missing");
    await trial.refused(trial.driver.ensure(dhcpOf, trial.signal), "missing");
    await trial.ensureAll([router, aSwitch]);
    await trial.refused(trial.driver.ensure(ports[0], trial.signal), "missing");
    await trial.ensureAll([filter, ports[0]]);
  });

  test("refuses to remove what something stands on", async () => {
    const { router, filter, subnets, ports } = sampleNetwork("used");
    const [[aSwitch, routerPort]] = subnets;
    await trial.ensureAll([router, filter, aSwitch, routerPort, ports[0]]);
    await trial.refused(trial.driver.remove(aSwitch, trial.signal), "in_use");
    await trial.refused(trial.driver.remove(router, trial.signal), "in_use");
    await trial.refused(trial.driver.remove(filter, trial.signal), "in_use");
    await trial.driver.remove(ports[0], trial.signal);
    await trial.driver.remove(routerPort, trial.signal);
    await trial.driver.remove(aSwitch, trial.signal);
    await trial.driver.remove(router, trial.signal);
    await trial.driver.remove(filter, trial.signal);
    expect(await trial.held("used")).toEqual([]);
  });

  test("answers a port's status, and none for a port that is not there", async () => {
    await trial.ensureAll(inOrder(sampleNetwork("status")));
    expect(await trial.driver.portStatus("port-status-1", trial.signal)).toEqual({ up: false });
    expect(await trial.driver.portStatus("port-nowhere", trial.signal)).toBeUndefined();
  });

  test("keeps two VPCs with the same CIDR apart", async () => {
    const open: FilterRule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } };
    const one = sampleNetwork("one", [open]);
    const other = sampleNetwork("other", [open]);
    await trial.ensureAll(inOrder(one));
    const packet = { fromPortId: "port-one-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    await trial.driver.remove(one.ports[1], trial.signal);
    await trial.ensureAll(inOrder(other));
    expect(await trial.reached(packet)).toBe(false);
    expect(await trial.reached({ ...packet, fromPortId: "port-other-1" })).toBe(true);
  });

  test("a call with an aborted signal fails and changes nothing", async () => {
    const { router } = sampleNetwork("aborted");
    await expect(trial.driver.ensure(router, AbortSignal.abort())).rejects.toThrow();
    expect(await trial.held("aborted")).toEqual([]);
  });
}
