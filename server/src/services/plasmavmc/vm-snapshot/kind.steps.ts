// A snapshot is taken once. One that is lost is not taken again: it would hold other bytes under the old name.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import { type Reconciler, StepError } from "../../../engine/reconciler.ts";
import { type DriverContext, driverStep } from "../../driver-step.ts";
import { tellPlace } from "../vm/placement.ts";
import { snapshotsOf } from "./facet.ts";

type Context = DriverContext<typeof VmSnapshotSchema>;

/** False: there is no machine whose disks could have been kept. */
async function find({ resource, related, drivers }: Context): Promise<boolean> {
  const vm = await related(VmSchema, resource.vmId);
  return vm !== undefined && tellPlace(drivers.hypervisor, vm);
}

/** A backend that forgets everything when it ends has forgotten the machine's disks, too: there nothing is left to be kept apart. */
async function ensureTaken(context: Context): Promise<void> {
  const { id, resource, now, drivers, signal, observe } = context;
  const { vmId, takeTime } = resource;
  if (!(await find(context))) throw new StepError("MachineGone", `vm ${vmId} is on no host`);
  const snapshots = snapshotsOf(drivers.hypervisor);
  const isThere = (await snapshots.list(vmId, signal)).includes(id);
  if (takeTime !== undefined && !isThere && !drivers.hypervisor.volatile)
    throw new StepError("SnapshotLost", `the host of vm ${vmId} has lost this snapshot; delete it`);
  if (!isThere) await snapshots.take(vmId, id, signal);
  if (takeTime === undefined) observe({ takeTime: timestampFromMs(now) });
}

async function removeTaken(context: Context): Promise<void> {
  const { id, resource, drivers, signal } = context;
  if (await find(context)) await drivers.hypervisor.snapshots?.remove(resource.vmId, id, signal);
}

export const vmSnapshotReconciler: Reconciler<typeof VmSnapshotSchema, Drivers> = {
  schema: VmSnapshotSchema,
  backend: ({ hypervisor }) => hypervisor.name,
  steps: [driverStep({ name: "snapshot", ensure: ensureTaken, remove: removeTaken })],
};
