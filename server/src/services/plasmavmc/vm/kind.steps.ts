// A VM is a machine's definition and its power.
import { type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { MachineSpec } from "../../../backends/hypervisor/driver.ts";
import { type Reconciler, StepError } from "../../../engine/reconciler.ts";
import { type DriverContext, driverStep, ownerOf } from "../../driver-step.ts";
import { architectureOf } from "../image/kind.steps.ts";
import { ensurePlace, onItsHost } from "./placement.ts";
import { ensurePower, removePower } from "./power.ts";

type Context = DriverContext<typeof VmSchema>;

async function imageOf({ resource, related }: Context): Promise<Image | undefined> {
  const imageId = resource.spec?.imageId;
  if (imageId === undefined) return undefined;
  const image = await related(ImageSchema, imageId);
  if (image === undefined) throw new StepError("ImageGone", `image ${imageId} does not exist any more`);
  return image;
}

async function machineOf(context: Context): Promise<MachineSpec> {
  const { id, key, resource } = context;
  const { cpu = 1, memory: memoryMib = 512, disks = [], network = [], userData } = resource.spec ?? {};
  const image = await imageOf(context);
  return {
    vmId: id,
    owner: ownerOf(key.tenant),
    hostname: resource.name,
    cpu,
    memoryMib,
    architecture: image === undefined ? "x86_64" : architectureOf(image),
    disks: disks.map((disk) => ({ id: disk.id, sizeGib: disk.sizeGib })),
    nics: network.map((nic) => ({ id: nic.id, portId: nic.portId, macAddress: nic.macAddress })),
    ...(resource.hostId === "" ? {} : { hostId: resource.hostId }),
    ...(image === undefined ? {} : { imageId: image.id }),
    ...(userData === undefined ? {} : { userData }),
  };
}

async function ensureMachine(context: Context): Promise<void> {
  const { id, drivers, signal } = context;
  if ((await drivers.hypervisor.state(id, signal)) === undefined) context.observe({ state: VmState.CREATING });
  await drivers.hypervisor.define(await machineOf(context), signal);
}

export const vmReconciler: Reconciler<typeof VmSchema, Drivers> = {
  schema: VmSchema,
  backend: ({ hypervisor }) => hypervisor.name,
  steps: [
    driverStep({ name: "placement", ensure: (context) => ensurePlace(context, machineOf), remove: async () => {} }),
    driverStep({
      name: "machine",
      ensure: onItsHost(ensureMachine),
      remove: onItsHost(({ id, drivers, signal }) => drivers.hypervisor.remove(id, signal)),
    }),
    driverStep({ name: "power", ensure: onItsHost(ensurePower), remove: onItsHost(removePower) }),
  ],
};
