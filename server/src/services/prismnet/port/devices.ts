// What may be plugged into a port and pulled from it by hand. A VM's own attachments are made and undone by the VM alone.
import type { Message } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import {
  AttachDeviceRequestSchema,
  DetachDeviceRequestSchema,
  DeviceType,
  type Port,
} from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";

/** @throws Fault WRONG_STATE while a device is plugged in; `wish` says what can't be done. */
export function requireFree(port: Port, tenant: Tenant, wish: string): void {
  if (port.deviceId === "") return;
  const isVm = port.deviceType === DeviceType.VM;
  const device = `${isVm ? "vm" : "device"} ${port.deviceId}`;
  const mend = isVm ? "remove it from the VM's network, or delete the VM, first" : "detach the device first";
  const resources = isVm ? [formatPath({ ...tenant, type: "vm", id: port.deviceId })] : [];
  throw new Fault("WRONG_STATE", `port ${port.id} is used by ${device} and can't be ${wish}; ${mend}`, { resources });
}

export function attach(port: Port, request: Message, tenant: Tenant): void {
  if (!isMessage(request, AttachDeviceRequestSchema)) return;
  const { deviceId, deviceType } = request;
  if (deviceType === DeviceType.VM)
    throw invalidField("device_type", "enum", "a VM is attached by its own spec.network; name the port there");
  if (port.deviceId !== deviceId || port.deviceType !== DeviceType.OTHER)
    requireFree(port, tenant, "attached to another");
  Object.assign(port, { deviceId, deviceType: DeviceType.OTHER });
}

export function detach(port: Port, request: Message, tenant: Tenant): void {
  if (!isMessage(request, DetachDeviceRequestSchema)) return;
  if (port.deviceType === DeviceType.VM) requireFree(port, tenant, "detached by hand");
  Object.assign(port, { deviceId: "", deviceType: DeviceType.UNSPECIFIED });
}
