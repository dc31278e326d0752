// What of a machine is exported: a disk that it has, or had when one of its snapshots was taken.
import { isMessage, type Message } from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import { ImageFormat } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { ExportVmRequest } from "@photoncloud/proto/gen/plasmavmc/v1/vm_export_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type VmSnapshot, VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import type { ExportSource } from "../../../backends/hypervisor/driver.ts";
import { invalidField } from "../../../fault.ts";

/** Reads one of the tenant's resources. @throws Fault NOT_FOUND */
export type Find = (kind: string, id: string) => Promise<Message>;

export const formats: ReadonlyMap<ImageFormat, "qcow2" | "raw"> = new Map([
  [ImageFormat.UNSPECIFIED, "qcow2"],
  [ImageFormat.QCOW2, "qcow2"],
  [ImageFormat.RAW, "raw"],
]);

/** @throws Fault NOT_FOUND for what the tenant has not, INVALID_FIELDS */
export async function sourceOf(
  request: ExportVmRequest,
  find: Find,
): Promise<{ readonly vm: Vm; readonly source: Required<Pick<ExportSource, "format">> & ExportSource }> {
  const format = formats.get(request.format);
  if (format === undefined) throw invalidField("format", "enum", `${request.format} is none of qcow2 (1) and raw (2)`);
  if (request.vmId === "") throw invalidField("vm_id", "required", "it is missing; name the machine");
  const vm = await find(VmSchema.typeName, request.vmId);
  if (!isMessage(vm, VmSchema)) throw new TypeError(`${vm.$typeName} is no machine`);
  const { snapshotId } = request;
  const snapshot = snapshotId === "" ? undefined : await snapshotOf(vm, snapshotId, find);
  const diskId = diskOf(request.diskId, snapshot?.disks ?? vm.spec?.disks ?? []);
  return { vm, source: { diskId, format, ...(snapshot && { snapshotId }) } };
}

async function snapshotOf(vm: Vm, id: string, find: Find): Promise<VmSnapshot> {
  const snapshot = await find(VmSnapshotSchema.typeName, id);
  if (!isMessage(snapshot, VmSnapshotSchema)) throw new TypeError(`${snapshot.$typeName} is no snapshot`);
  if (snapshot.vmId !== vm.id) throw invalidField("snapshot_id", "conflict", `it is no snapshot of vm ${vm.id}`);
  return snapshot;
}

function diskOf(given: string, disks: readonly { readonly id: string }[]): string {
  const ids = disks.map(({ id }) => id);
  const id = given === "" ? ids[0] : ids.find((one) => one === given);
  if (id !== undefined) return id;
  throw invalidField("disk_id", "unknown", `there is no disk ${JSON.stringify(given)}; there is ${ids.join(", ")}`);
}

/** @throws Error for what is no kind. */
export function kindOf(typeName: string) {
  const kind = catalog().byTypeName(typeName);
  if (kind === undefined) throw new Error(`${typeName} is no kind of the catalog`);
  return kind;
}
