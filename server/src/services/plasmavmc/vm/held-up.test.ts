// What is asked of a machine whose definition can't be made so now: what does not need it is done all the same.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PowerState, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { openSmallCloud, type SmallCloud } from "../../testing/small-cloud.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const { signal } = new AbortController();
const cantBe = "there is no room for that";
let made = 0;
const aVm = (powerState: PowerState) => cloud.make(VmSchema, { name: `n${++made}`, spec: {}, powerState });

/** Every definition fails meanwhile, and one has failed before the work begins. */
async function whileUndefinable(id: string, work: () => Promise<void>): Promise<void> {
  const { hypervisor } = cloud.drivers;
  const define = hypervisor.define.bind(hypervisor);
  hypervisor.define = async () => {
    throw new DriverError("unavailable", cantBe, { status: "NoRoom" });
  };
  try {
    await cloud.update(VmSchema, id, { spec: { userData: "#!/bin/sh\n" } }, ["spec.user_data"]);
    await cloud.until(VmSchema, id, ({ status }) => status?.message === cantBe);
    await work();
  } finally {
    hypervisor.define = define;
  }
  await cloud.ready(VmSchema, id);
}

test("ResetVm resets it as it is", async () => {
  const { id } = await aVm(PowerState.RUNNING);
  await whileUndefinable(id, async () => {
    await cloud.custom(VmSchema, "ResetVm", { id });
    await cloud.until(VmSchema, id, ({ resetsDone }) => resetsDone === 1);
  });
});

test("RestoreVm puts its disks back", async () => {
  const { id } = await aVm(PowerState.STOPPED);
  const disks = cloud.drivers.hypervisor.snapshots;
  disks.write(id, "root", "before");
  const snapshot = await cloud.make(VmSnapshotSchema, { name: "whole", vmId: id });
  disks.write(id, "root", "after");
  await whileUndefinable(id, async () => {
    await cloud.custom(VmSchema, "RestoreVm", { id, snapshotId: snapshot.id });
    await cloud.until(VmSchema, id, ({ restoresDone }) => restoresDone === 1);
    expect(disks.read(id, "root")).toBe("before");
  });
});

test("StopVm stops it, and it starts again when it can be what it should", async () => {
  const { id } = await aVm(PowerState.RUNNING);
  await whileUndefinable(id, async () => {
    await cloud.custom(VmSchema, "StopVm", { id });
    await cloud.until(VmSchema, id, ({ state }) => state === VmState.STOPPED);
    await cloud.custom(VmSchema, "StartVm", { id });
  });
  await cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
});

test("a machine that its host has lost is made again, and its disks put back before it runs", async () => {
  const { id } = await aVm(PowerState.STOPPED);
  const snapshot = await cloud.make(VmSnapshotSchema, { name: "lost", vmId: id });
  const { hypervisor } = cloud.drivers;
  const asked: string[] = [];
  const { restore } = hypervisor.snapshots;
  hypervisor.snapshots.restore = async (vmId) => {
    asked.push(`${vmId} is ${(await hypervisor.state(vmId))?.state}`);
  };
  try {
    await hypervisor.remove(id, signal);
    await cloud.custom(VmSchema, "RestoreVm", { id, snapshotId: snapshot.id });
    await cloud.custom(VmSchema, "StartVm", { id });
    await cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
    expect(asked).toEqual([`${id} is stopped`]);
  } finally {
    hypervisor.snapshots.restore = restore;
  }
});
