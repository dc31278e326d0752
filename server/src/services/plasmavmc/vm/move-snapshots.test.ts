// Machines that move with their snapshots, and what waits for what where a snapshot is copied at that moment.
import { afterEach, expect, test } from "@jest/globals";
import { HostDrainPhase, HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { PowerState, type Vm, VmMovePhase, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { type Around, type HostsCloud, openHostsCloud } from "../../testing/hosts-cloud.ts";
import { faultOf, outcome } from "../../testing/small-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

const system = { orgId: "", projectId: "" };
/** Host a is the only one that takes new machines. */
const open = async (around?: Around, moveMs = 2) => {
  world = await openHostsCloud([{ id: "a", moveMs }, { id: "b" }], around);
  await schedulable("b", false);
  return world.cloud;
};
const schedulable = (id: string, value: boolean) =>
  world.cloud.update(HostSchema, id, { schedulable: value }, ["schedulable"]);
let made = 0;
const aName = () => `n${++made}`;
const asked = (spec: object, powerState: PowerState = PowerState.RUNNING) => ({
  name: aName(),
  powerState,
  spec: { cpu: 1, memory: 256, ...spec },
});
const aSnapshot = (vmId: string) => world.cloud.make(VmSnapshotSchema, { name: aName(), vmId });
const disksOn = (host: string) => {
  const driver = world.drivers.get(host);
  if (driver === undefined) throw new Error(`there is no host ${host}`);
  return driver.snapshots;
};
const ended = (id: string, phase: VmMovePhase) => world.cloud.until(VmSchema, id, ({ move }) => move?.phase === phase);

/** A machine on host a whose disk held "before" when a snapshot was taken, and holds "after". */
async function withSnapshot(powerState: PowerState = PowerState.RUNNING) {
  const vm = await world.cloud.make(VmSchema, asked({ imageId: "debian-12" }, powerState));
  disksOn("a").write(vm.id, "root", "before");
  const snapshot = await aSnapshot(vm.id);
  disksOn("a").write(vm.id, "root", "after");
  await schedulable("b", true);
  return { vm, snapshot };
}

test.each([
  ["running", PowerState.RUNNING],
  ["stopped", PowerState.STOPPED],
] as const)("a %s machine's snapshots go where it goes, for a restore, a copy and their end", async (_, power) => {
  const cloud = await open();
  const { vm, snapshot } = await withSnapshot(power);
  await world.migrate(vm.id);
  expect((await ended(vm.id, VmMovePhase.DONE)).hostId).toBe("b");
  expect(disksOn("b").read(vm.id, "root")).toBe("after");
  expect(await cloud.ready(VmSnapshotSchema, snapshot.id)).toMatchObject({ takeTime: snapshot.takeTime });
  const copy = await cloud.make(VmSchema, asked({ sourceSnapshotId: snapshot.id }));
  expect(copy.hostId).toBe("b");
  expect(disksOn("b").read(copy.id, "root")).toBe("before");
  await cloud.custom(VmSchema, "StopVm", { id: vm.id });
  await cloud.ready(VmSchema, vm.id);
  await cloud.custom(VmSchema, "RestoreVm", { id: vm.id, snapshotId: snapshot.id });
  await cloud.until(VmSchema, vm.id, ({ restoresDone }) => restoresDone === 1);
  expect(disksOn("b").read(vm.id, "root")).toBe("before");
  const last = await aSnapshot(vm.id);
  expect(await disksOn("b").list(vm.id)).toEqual([snapshot.id, last.id].sort());
  await cloud.delete(VmSnapshotSchema, last.id);
  await cloud.gone(VmSnapshotSchema, last.id);
  expect(await disksOn("b").list(vm.id)).toEqual([snapshot.id]);
});

test("a drain takes machines away with their snapshots", async () => {
  const cloud = await open();
  const { vm, snapshot } = await withSnapshot();
  expect(await cloud.ask(HostSchema, "PreviewDrain", { ...system, id: "a" })).toMatchObject({ movable: 1 });
  await world.ask("DrainHost", "a");
  await cloud.until(HostSchema, "a", ({ drain }) => drain?.phase === HostDrainPhase.DRAINED, system);
  expect(await world.only(vm.id)).toEqual(["b"]);
  expect(await disksOn("b").list(vm.id)).toEqual([snapshot.id]);
});

/** Keeps the disks of all machines but one from being made, from when that one is named until they are let go. */
function holding() {
  const [held, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const all = { but: "" };
  const around: Around = async (vmId, method, call) => {
    if (method === "a.define" && all.but !== "" && vmId !== all.but) {
      held.resolve();
      await gate.promise;
    }
    return call();
  };
  return { around, all, held: held.promise, letGo: () => gate.resolve() };
}

test("a machine whose snapshot is being copied stays until that is done, and so does the copy", async () => {
  const copying = holding();
  const cloud = await open(copying.around);
  const { vm, snapshot } = await withSnapshot();
  copying.all.but = vm.id;
  const copy = await cloud.create(VmSchema, asked({ sourceSnapshotId: snapshot.id }));
  await copying.held;
  const fault = await faultOf(world.migrate(vm.id));
  expect(fault).toMatchObject({ reason: "WRONG_STATE", details: { resources: [expect.stringContaining(copy.id)] } });
  expect(fault.message).toContain(`vm ${copy.id} is being copied from its snapshot ${snapshot.id}`);
  expect((await faultOf(world.migrate(copy.id))).message).toContain("its disks are being copied from snapshot");
  const preview = await cloud.ask(HostSchema, "PreviewDrain", { ...system, id: "a" });
  expect(preview).toMatchObject({ machines: 2, movable: 0 });
  await world.ask("DrainHost", "a");
  const { drain } = await cloud.until(HostSchema, "a", (host) => host.drain?.blocked.length === 1, system);
  expect(drain?.blocked).toMatchObject([{ vmId: vm.id, reason: expect.stringContaining("is being copied from") }]);
  await world.ask("AbortDrain", "a");
  copying.letGo();
  await cloud.ready(VmSchema, copy.id);
  for (const { id } of [copy, vm]) {
    await world.migrate(id);
    await ended(id, VmMovePhase.DONE);
    expect(await world.only(id)).toEqual(["b"]);
  }
});

test("a copy of a snapshot that is on its way is made where it has come to", async () => {
  const cloud = await open(undefined, 300);
  const { vm, snapshot } = await withSnapshot();
  await world.migrate(vm.id);
  await ended(vm.id, VmMovePhase.COPYING);
  const copy = await cloud.create(VmSchema, asked({ sourceSnapshotId: snapshot.id }));
  const waits = ({ status, hostId }: Vm) => status?.reason === "SnapshotMoves" || hostId !== "";
  expect((await cloud.until(VmSchema, copy.id, waits)).status?.message).toContain("is being moved to another host");
  await ended(vm.id, VmMovePhase.DONE);
  expect((await cloud.ready(VmSchema, copy.id)).hostId).toBe("b");
  expect(disksOn("b").read(copy.id, "root")).toBe("before");
  expect(await outcome(cloud.delete(VmSnapshotSchema, snapshot.id))).toBe("STILL_REFERENCED");
});
