import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { RestartPolicy, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { sampleMachine, untilMachine } from "../../../backends/hypervisor/contract.ts";
import { endMachines } from "../../../backends/hypervisor/end-machines.ts";
import { simulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { openSmallCloud, type SmallCloud } from "../../testing/small-cloud.ts";
import { endedWithCloud } from "./ended-with-cloud.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());
const { signal } = new AbortController();

test.each([
  ["runs again if the cloud ended it", "cloud", true, ({ state }: { state: VmState }) => state === VmState.RUNNING],
  ["stays so if its guest did", "guest", false, ({ state }: { state: VmState }) => state === VmState.STOPPED],
])("a machine whose policy is never to start it again %s", async (_, name, withCloud, isSo) => {
  const { hypervisor } = cloud.drivers;
  const { id, startTime } = await cloud.make(VmSchema, { name, spec: { restartPolicy: RestartPolicy.NEVER } });
  if (withCloud) await endedWithCloud(cloud.store, { vmId: id, owner: "acme/alpha" });
  await hypervisor.stop(id, { graceMs: 0 }, signal);
  const vm = await cloud.until(VmSchema, id, (seen) => isSo(seen) && (!withCloud || seen.startTime !== startTime));
  expect(vm.stateReason).toMatch(withCloud ? /^$/ : /^the guest shut itself down/);
});

test("endMachines() tells of the machines that ran, before it is done", async () => {
  const driver = simulatedHypervisor();
  const { imageId: _, ...empty } = sampleMachine("", "");
  for (const vmId of ["vm-on", "vm-off"]) await driver.define({ ...empty, vmId }, signal);
  await driver.start("vm-on", signal);
  await untilMachine(driver, "vm-on", "running", 5_000);
  const told: string[] = [];
  await endMachines(driver, { ending: async ({ vmId, owner }) => void told.push(`${owner}/${vmId}`) });
  expect(told).toEqual(["acme/alpha/vm-on"]);
  expect(await driver.state("vm-on")).toEqual({ state: "stopped" });
  await driver.close();
});
