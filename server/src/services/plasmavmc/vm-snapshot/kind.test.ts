import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Architecture } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PowerState, type Vm, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { sampleMachine } from "../../../backends/hypervisor/contract.ts";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, faultOf, openCloudOver, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { vmSnapshotReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const { signal } = new AbortController();
let made = 0;
const aName = () => `n${++made}`;
const aVm = (spec: object = {}, powerState: PowerState = PowerState.STOPPED) =>
  cloud.make(VmSchema, { name: aName(), spec, powerState });
const aSnapshot = (vmId: string) => cloud.make(VmSnapshotSchema, { name: aName(), vmId });
const restore = (id: string, snapshotId: string) => cloud.custom(VmSchema, "RestoreVm", { id, snapshotId });
const restored = (id: string) =>
  cloud.until(VmSchema, id, ({ restores, restoresDone }) => restores > 0 && restores === restoresDone);
const disks = () => cloud.drivers.hypervisor.snapshots;

describe("a snapshot", () => {
  test("says what its machine's disks were, and when it was taken", async () => {
    const vm = await aVm({
      imageId: "debian-12",
      disks: [
        { id: "root", sizeGib: 3 },
        { id: "data", sizeGib: 1 },
      ],
    });
    const snapshot = await aSnapshot(vm.id);
    expect(snapshot).toMatchObject({
      vmId: vm.id,
      architecture: Architecture.X86_64,
      disks: [
        { id: "root", sizeGib: 3 },
        { id: "data", sizeGib: 1 },
      ],
    });
    expect(snapshot.takeTime).toBeDefined();
    expect(await disks().list(vm.id)).toEqual([snapshot.id]);
  });

  test("is taken of a running machine, which runs on", async () => {
    const vm = await aVm({}, PowerState.RUNNING);
    await aSnapshot(vm.id);
    expect(await cloud.get(VmSchema, vm.id)).toMatchObject({ state: VmState.RUNNING, startTime: vm.startTime });
  });

  test("goes before its machine, and is gone from its host then", async () => {
    const vm = await aVm();
    const snapshot = await aSnapshot(vm.id);
    expect(await outcome(cloud.delete(VmSchema, vm.id))).toBe("STILL_REFERENCED");
    await cloud.delete(VmSnapshotSchema, snapshot.id);
    await cloud.gone(VmSnapshotSchema, snapshot.id);
    expect(await disks().list(vm.id)).toEqual([]);
    expect(await outcome(cloud.delete(VmSchema, vm.id))).toBe("ok");
  });

  test("of a machine that is not there is refused", async () => {
    const nobody = cloud.create(VmSnapshotSchema, { name: aName(), vmId: "vm-nowhere" });
    expect(await outcome(nobody)).toBe("INVALID_FIELDS vm_id:unknown_reference");
  });
});

describe("RestoreVm", () => {
  test("puts the disks back, each time that it is asked", async () => {
    const { id } = await aVm();
    disks().write(id, "root", "before");
    const snapshot = await aSnapshot(id);
    for (const restores of [1, 2]) {
      disks().write(id, "root", "after");
      expect(await restore(id, snapshot.id)).toMatchObject({ restores, restoredSnapshotId: snapshot.id });
      await cloud.until(VmSchema, id, ({ restoresDone }) => restoresDone === restores);
      expect(disks().read(id, "root")).toBe("before");
    }
  });

  test("is done once, and before the machine starts again", async () => {
    const { id } = await aVm();
    disks().write(id, "root", "before");
    const snapshot = await aSnapshot(id);
    await restore(id, snapshot.id);
    await cloud.custom(VmSchema, "StartVm", { id });
    await cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
    await restored(id);
    disks().write(id, "root", "written by the guest");
    await cloud.update(VmSchema, id, { labels: { a: "b" } }, ["labels"]);
    await cloud.ready(VmSchema, id);
    expect(disks().read(id, "root")).toBe("written by the guest");
  });

  test("is refused while the machine runs, and of another machine's snapshot", async () => {
    const [vm, other] = [await aVm({}, PowerState.RUNNING), await aVm()];
    const fault = await faultOf(restore(vm.id, (await aSnapshot(vm.id)).id));
    expect(fault.reason).toBe("WRONG_STATE");
    expect(fault.message).toContain("stop it with StopVm");
    const foreign = await aSnapshot(other.id);
    expect(await outcome(restore(vm.id, foreign.id))).toBe("INVALID_FIELDS snapshot_id:conflict");
    expect(await outcome(restore(other.id, "vmsnap-nowhere"))).toBe("INVALID_FIELDS snapshot_id:unknown_reference");
  });

  test("leaves addresses and MACs as they are, and so do stop and start", async () => {
    const vpc = await cloud.create(VpcSchema, { name: aName(), cidr: "10.0.0.0/16" });
    const subnet = await cloud.create(SubnetSchema, { name: aName(), vpcId: vpc.id });
    const port = await cloud.create(PortSchema, { name: aName(), subnetId: subnet.id });
    const { id, spec } = await aVm({ network: [{ id: "eth0", portId: port.id }] });
    const snapshot = await aSnapshot(id);
    await restore(id, snapshot.id);
    await restored(id);
    for (const method of ["StartVm", "StopVm", "StartVm"]) {
      await cloud.custom(VmSchema, method, { id });
      expect((await cloud.ready(VmSchema, id)).spec?.network).toEqual(spec?.network);
    }
    expect(spec?.network).toMatchObject([{ macAddress: port.macAddress, ipAddress: port.ipAddress }]);
  });
});

describe("a clone", () => {
  const cloneOf = (sourceSnapshotId: string, spec: object = {}) =>
    cloud.create(VmSchema, { name: aName(), spec: { sourceSnapshotId, ...spec }, powerState: PowerState.STOPPED });

  test("begins with what the snapshot holds, and keeps it from being deleted", async () => {
    const source = await aVm({ disks: [{ id: "system", sizeGib: 2 }] });
    disks().write(source.id, "system", "golden");
    const snapshot = await aSnapshot(source.id);
    const { id, spec } = await cloneOf(snapshot.id);
    expect(spec?.disks).toMatchObject([{ id: "system", sizeGib: 2 }]);
    await cloud.ready(VmSchema, id);
    expect(disks().read(id, "system")).toBe("golden");
    expect(await outcome(cloud.delete(VmSnapshotSchema, snapshot.id))).toBe("STILL_REFERENCED");
    await cloud.delete(VmSchema, id);
    await cloud.gone(VmSchema, id);
    expect(await outcome(cloud.delete(VmSnapshotSchema, snapshot.id))).toBe("ok");
  });

  test("needs room for it, its root disk first, and no image beside it", async () => {
    const { id } = await aSnapshot((await aVm({ disks: [{ id: "system", sizeGib: 2 }] })).id);
    const small = cloneOf(id, { disks: [{ id: "system", sizeGib: 1 }] });
    expect(await outcome(small)).toBe("INVALID_FIELDS spec.disks[0].size_gib:range");
    const other = cloneOf(id, { disks: [{ id: "other", sizeGib: 9 }] });
    expect(await outcome(other)).toBe("INVALID_FIELDS spec.disks[0].id:conflict");
    const both = cloneOf(id, { imageId: "debian-12" });
    expect(await outcome(both)).toBe("INVALID_FIELDS spec.source_snapshot_id:conflict");
  });
});

/** The same hypervisor without one of its faces, or with another one. */
function hypervisorWith(change: Partial<Record<keyof HypervisorDriver, unknown>>): SimulatedDrivers {
  const drivers = simulatedDrivers();
  const hypervisor = new Proxy(drivers.hypervisor, {
    get(target, name) {
      const value: unknown = Object.hasOwn(change, name) ? Reflect.get(change, name) : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...drivers, hypervisor };
}

describe("a hypervisor", () => {
  const snapshotOver = async (drivers: SimulatedDrivers, work: (cloud: SmallCloud, vm: Vm) => Promise<void>) => {
    const over = await openCloudOver({ drivers });
    try {
      await work(over, await over.make(VmSchema, { name: "web", spec: {} }));
    } finally {
      await over.stop();
    }
  };

  test("without snapshots refuses one with a reason, which can be deleted", () =>
    snapshotOver(hypervisorWith({ snapshots: undefined }), async (over, vm) => {
      const { id } = await over.create(VmSnapshotSchema, { name: "one", vmId: vm.id });
      const refused = await over.until(VmSnapshotSchema, id, ({ status }) => status?.reason === "BackendRefused");
      expect(refused.status?.message).toBe("machines of the hypervisor simulated can't be snapshotted");
      await over.delete(VmSnapshotSchema, id);
      await over.gone(VmSnapshotSchema, id);
    }));

  test("that has lost one does not take it again under the old name", () =>
    snapshotOver(hypervisorWith({ volatile: false }), async (over, vm) => {
      const { id } = await over.make(VmSnapshotSchema, { name: "one", vmId: vm.id });
      await over.drivers.hypervisor.snapshots.remove(vm.id, id, signal);
      await over.update(VmSnapshotSchema, id, { description: "look again" }, ["description"]);
      await over.until(VmSnapshotSchema, id, ({ status }) => status?.reason === "SnapshotLost");
      expect(await over.drivers.hypervisor.snapshots.list(vm.id)).toEqual([]);
    }));
});

fiveLaws<typeof VmSnapshotSchema, SimulatedDrivers>({
  name: "VmSnapshot",
  reconciler: vmSnapshotReconciler,
  makeResource: () => create(VmSnapshotSchema, { ...acme, id: "vmsnap-1", name: "one", vmId: "vm-1" }),
  related: () => [{ schema: VmSchema, id: "vm-1", message: create(VmSchema, { ...acme, id: "vm-1" }) }],
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: ({ hypervisor }) => {
    const { imageId: _, ...empty } = sampleMachine("vm-1", "");
    return hypervisor.define(empty, signal);
  },
  snapshot: ({ hypervisor }) => hypervisor.snapshot(),
});
