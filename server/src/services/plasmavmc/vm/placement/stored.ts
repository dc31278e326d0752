// What a stored machine asks of hosts, with what its image or its snapshot tells.
import { Architecture, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type { PlaceQuestion } from "../../../../backends/hypervisor/places.ts";
import { messageOf } from "../../../../engine/message.ts";
import { findRelated } from "../../../../engine/tenants.ts";
import { machineKindOf } from "../machine-type.ts";
import { type Session, tenantOf } from "./session.ts";
import { sizeOf } from "./views.ts";

/** What a machine is made from, as far as that binds it to hosts. */
export type Origin = Pick<MachineSpec, "owner" | "architecture" | "copyOf">;

export function questionOf({ id, spec }: Vm, { owner, architecture, copyOf }: Origin): PlaceQuestion {
  return {
    owner,
    vmId: id,
    architecture,
    ...(spec === undefined ? { cpu: 1, memoryMib: 512, diskGib: 1 } : sizeOf(spec)),
    machine: spec === undefined ? "standard" : machineKindOf(spec),
    hostLabels: spec?.hostLabels ?? {},
    groupIds: spec?.placementGroupIds ?? [],
    ...(spec?.imageId === undefined ? {} : { imageId: spec.imageId }),
    ...(copyOf === undefined ? {} : { copyOf }),
  };
}

/** Of a machine that has its disks: what they were copied from does not bind it any more. */
export async function questionOfMade(session: Session, vm: Vm, owner: string): Promise<PlaceQuestion> {
  const architecture = await architectureOf(session, vm, owner);
  return questionOf(vm, { owner, architecture: architecture === Architecture.AARCH64 ? "aarch64" : "x86_64" });
}

async function architectureOf({ tx }: Session, { spec }: Vm, owner: string): Promise<Architecture> {
  const { imageId, sourceSnapshotId } = spec ?? {};
  const tenant = tenantOf(owner);
  const image = imageId === undefined ? undefined : await findRelated(tx, ImageSchema.typeName, imageId, tenant);
  if (image !== undefined) return messageOf(ImageSchema, image).architecture ?? Architecture.X86_64;
  const key = { tenant, kind: VmSnapshotSchema.typeName, id: sourceSnapshotId ?? "" };
  const snapshot = sourceSnapshotId === undefined ? undefined : await tx.get(key);
  return (snapshot && messageOf(VmSnapshotSchema, snapshot).architecture) ?? Architecture.X86_64;
}
