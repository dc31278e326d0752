// Machines from the store to real processes, without a network: what only a real hypervisor can get wrong between the slices and their driver.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Impact } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { openQemu, type QemuHypervisor, qemuMissing } from "../../../backends/hypervisor/qemu/index.ts";
import { type SimulatedNetwork, simulatedNetwork } from "../../../backends/network/simulated/index.ts";
import { openCloudOver, outcome, type SmallCloud } from "../../testing/small-cloud.ts";

const missing = qemuMissing();
/** A machine without a system ignores the shutdown: its plug is pulled after half a minute. */
jest.setTimeout(240_000);

type Real = SmallCloud<{ network: SimulatedNetwork; hypervisor: QemuHypervisor }>;
const described = missing === undefined ? describe : describe.skip;

described(`machines on QEMU${missing === undefined ? "" : ` (${missing})`}`, () => {
  const root = mkdtempSync(join(tmpdir(), "pv-"));
  let cloud: Real;
  beforeAll(async () => {
    chmodSync(root, 0o711);
    const folders = { data: join(root, "data"), run: join(root, "run") };
    cloud = await openCloudOver({ drivers: { network: simulatedNetwork(), hypervisor: await openQemu({ folders }) } });
  });
  afterAll(async () => {
    const { signal } = new AbortController();
    const { machines } = await cloud.drivers.hypervisor.inventory();
    for (const vmId of machines) await cloud.drivers.hypervisor.remove(vmId, signal);
    await cloud.stop();
    rmSync(root, { recursive: true, force: true });
  });

  /** As the cloud's own wait, which has less patience. */
  const until = async (id: string, is: (vm: MessageShape<typeof VmSchema>) => boolean) => {
    for (let left = 8; left > 0; left--) {
      const found = await cloud.until(VmSchema, id, is).catch(() => undefined);
      if (found !== undefined) return found;
    }
    throw new Error(`vm ${id} is in state ${(await cloud.get(VmSchema, id)).state}`);
  };

  test("are run, reset, grown, snapshotted, stopped, restored and cloned", async () => {
    const { id, name } = await cloud.create(VmSchema, { name: "bare", spec: { cpu: 1, memory: 128 } });
    const running = await until(id, ({ startTime }) => startTime !== undefined);
    expect(["kvm", "tcg"]).toContain(running.accelerator);
    expect(await cloud.ask(VmSchema, "GetVmStatistics", { id })).toMatchObject({ disks: [{ id: "root" }] });
    await cloud.custom(VmSchema, "ResetVm", { id });
    await until(id, ({ resetsDone }) => resetsDone === 1);
    const mask = { updateMask: { paths: ["spec.cpu"] } };
    const plan = await cloud.plan(VmSchema, id, { name, spec: { cpu: 2 } }, mask);
    expect(Reflect.get(plan, "changes")).toMatchObject([{ impact: Impact.HOT }]);

    const { id: snapshotId } = await cloud.make(VmSnapshotSchema, { name: "one", vmId: id });
    expect(await outcome(cloud.custom(VmSchema, "RestoreVm", { id, snapshotId }))).toBe("WRONG_STATE");
    await cloud.custom(VmSchema, "StopVm", { id });
    const stopped = await until(id, ({ state }) => state === VmState.STOPPED);
    expect(stopped.stateReason).toContain("its plug was pulled");
    await cloud.custom(VmSchema, "RestoreVm", { id, snapshotId });
    await until(id, ({ restoresDone }) => restoresDone === 1);

    const clone = await cloud.create(VmSchema, { name: "clone", spec: { sourceSnapshotId: snapshotId, memory: 128 } });
    await until(clone.id, ({ state }) => state === VmState.RUNNING);
    await cloud.delete(VmSchema, clone.id);
    await cloud.gone(VmSchema, clone.id);
    await cloud.delete(VmSnapshotSchema, snapshotId);
    await cloud.gone(VmSnapshotSchema, snapshotId);
    await cloud.delete(VmSchema, id);
    await cloud.gone(VmSchema, id);
  });
});
