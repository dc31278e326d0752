// A VM is a machine's definition, what its disks hold, and its power.
import { type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { VmSchema, type VmSpec, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { MachineSpec } from "../../../backends/hypervisor/driver.ts";
import { type NotYet, type Reconciler, StepError } from "../../../engine/reconciler.ts";
import { type DriverContext, driverStep, ownerOf } from "../../driver-step.ts";
import { architectureOf } from "../image/kind.steps.ts";
import { machineKindOf } from "./machine-type.ts";
import { ensureMove, removeMove } from "./move.ts";
import { ensureGrown, ensurePlace, granted, onItsHost, removePlace } from "./placement.ts";
import { ensurePower, ensureRest, isToBeStopped, removePower } from "./power.ts";
import { ensureReset } from "./reset.ts";
import { ensureRestored, isRestoring } from "./restore.ts";

type Context = DriverContext<typeof VmSchema>;
type Source = Pick<MachineSpec, "architecture" | "imageId" | "copyOf">;

async function imageOf({ related }: Context, imageId: string): Promise<Image> {
  const image = await related(ImageSchema, imageId);
  if (image === undefined) throw new StepError("ImageGone", `image ${imageId} does not exist any more`);
  return image;
}

/** What its disks are copied from when they are made. */
async function sourceOf(context: Context): Promise<Source> {
  const { imageId, sourceSnapshotId } = context.resource.spec ?? {};
  if (imageId !== undefined) return { imageId, architecture: architectureOf(await imageOf(context, imageId)) };
  if (sourceSnapshotId === undefined) return { architecture: "x86_64" };
  const snapshot = await context.related(VmSnapshotSchema, sourceSnapshotId);
  if (snapshot === undefined)
    throw new StepError("SnapshotGone", `snapshot ${sourceSnapshotId} does not exist any more`);
  return { copyOf: { vmId: snapshot.vmId, snapshotId: snapshot.id }, architecture: architectureOf(snapshot) };
}

/** What may be left out of a machine's description. */
function optionsOf(spec: VmSpec): Partial<MachineSpec> {
  const { userData, sshKeys, bootOrder } = spec;
  return {
    ...(userData === undefined ? {} : { userData }),
    ...(sshKeys.length === 0 ? {} : { sshKeys }),
    ...(bootOrder.length === 0 ? {} : { bootOrder }),
    ...(machineKindOf(spec) === "microvm" ? { machine: "microvm" } : {}),
  };
}

async function machineOf(context: Context): Promise<MachineSpec> {
  const { id, key, resource } = context;
  if (resource.spec === undefined) throw new Error(`vm ${id} has no spec, which admission asks for`);
  const { cpu = 1, memory: memoryMib = 512, disks, network } = resource.spec;
  return {
    vmId: id,
    owner: ownerOf(key.tenant),
    hostname: resource.name,
    cpu,
    memoryMib,
    disks: disks.map((disk) => ({ id: disk.id, sizeGib: disk.sizeGib })),
    nics: network.map((nic) => ({ id: nic.id, portId: nic.portId, macAddress: nic.macAddress })),
    ...(resource.hostId === "" ? {} : { hostId: resource.hostId }),
    ...(await sourceOf(context)),
    ...optionsOf(resource.spec),
  };
}

const grantedOf = granted(machineOf);

/** A machine that its host has lost is made again: that it ran before means nothing then, which is stored before it is there. */
async function ensureMachine(context: Context): Promise<NotYet | void> {
  const { id, resource, drivers, signal } = context;
  if ((await drivers.hypervisor.state(id, signal)) === undefined) {
    context.observe({ state: VmState.CREATING });
    if (resource.startTime !== undefined) {
      context.observe({ startTime: undefined });
      return { againMs: 0, reason: "MachineGone", message: `vm ${id} is not on its host any more; it is made again` };
    }
  }
  await drivers.hypervisor.define(await grantedOf(context), signal);
  // One that is made again must not run before its disks are put back.
  if (isRestoring(resource)) return { againMs: 0, reason: "Restoring", message: "the machine is there again" };
}

const nothing = async () => {};

export const vmReconciler: Reconciler<typeof VmSchema, Drivers> = {
  schema: VmSchema,
  backend: ({ hypervisor }) => hypervisor.name,
  // What should be stopped is stopped, whatever else of it is not done yet.
  doesNotWaitWhile: isToBeStopped,
  steps: [
    driverStep({ name: "rest", ensure: onItsHost(ensureRest), remove: nothing }),
    driverStep({ name: "placement", ensure: (context) => ensurePlace(context, machineOf), remove: removePlace }),
    driverStep({ name: "move", ensure: onItsHost((context) => ensureMove(context, grantedOf)), remove: nothing }),
    // Of the machine as it is: what else is asked of it may not be possible, or not yet.
    driverStep({ name: "restore", ensure: onItsHost(ensureRestored), remove: nothing }),
    driverStep({ name: "reset", ensure: onItsHost(ensureReset), remove: nothing }),
    driverStep({
      name: "machine",
      ensure: onItsHost(ensureMachine),
      remove: onItsHost(({ id, drivers, signal }) => drivers.hypervisor.remove(id, signal)),
    }),
    driverStep({ name: "power", ensure: onItsHost(ensurePower), remove: onItsHost(removePower) }),
    driverStep({ name: "growth", ensure: (context) => ensureGrown(context, machineOf), remove: nothing }),
    // The first to be unmade: what is being moved can't be shut down.
    driverStep({ name: "place", ensure: nothing, remove: onItsHost(removeMove) }),
  ],
};
