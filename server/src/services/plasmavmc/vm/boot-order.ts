// In which order a machine's devices are tried at its start.
import type { VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { invalidField } from "../../../fault.ts";

/** @throws Fault INVALID_FIELDS if an entry is no device, more than one, or named twice. */
export function checkBootOrder({ bootOrder, disks, network }: VmSpec): void {
  for (const [i, id] of bootOrder.entries()) {
    const path = `spec.boot_order[${i}]`;
    const devices = [...disks, ...network].filter((device) => device.id === id).length;
    if (devices === 0)
      throw invalidField(path, "unknown_device", `${JSON.stringify(id)} is neither a disk nor an interface of this vm`);
    if (devices > 1)
      throw invalidField(path, "ambiguous", `${JSON.stringify(id)} is a disk and an interface; give one another id`);
    if (bootOrder.indexOf(id) < i)
      throw invalidField(path, "unique", `${JSON.stringify(id)} is named before; name it once`);
  }
}
