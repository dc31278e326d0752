// The network interfaces of a machine: each is plugged into a port, which belongs to the machine from the same transaction on.
import type { Vm, VmNetwork } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DeviceType, type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import { checkUniqueIds } from "./disks.ts";

/** Takes the ports that are named, fills in what they say, and gives those back that are not named any more. @throws Fault INVALID_FIELDS */
export async function admitInterfaces(admission: Admission, next: Vm, prior: Vm | undefined): Promise<void> {
  const entries = next.spec?.network ?? [];
  checkUniqueIds("spec.network", entries);
  checkPortsOnce(entries);
  for (const [i, entry] of entries.entries()) await plug(admission, next, entry, `spec.network[${i}].port_id`);
  for (const { portId } of prior?.spec?.network ?? [])
    if (!entries.some((entry) => entry.portId === portId)) await freePort(admission, portId, next.id);
  // A port is called by DHCP as its machine.
  if (prior !== undefined && prior.name !== next.name)
    for (const { portId } of entries) await admission.wake(PortSchema, portId);
}

/** Gives all of a machine's ports back. */
export async function freePorts(admission: Admission, vm: Vm): Promise<void> {
  for (const { portId } of vm.spec?.network ?? []) await freePort(admission, portId, vm.id);
}

function checkPortsOnce(entries: readonly VmNetwork[]): void {
  for (const [i, { portId }] of entries.entries()) {
    const first = entries.findIndex((entry) => entry.portId === portId);
    if (first < i)
      throw invalidField(
        `spec.network[${i}].port_id`,
        "unique",
        `${portId} is used by spec.network[${first}] too; a port takes one interface`,
      );
  }
}

async function plug(admission: Admission, vm: Vm, entry: VmNetwork, path: string): Promise<void> {
  const { message: port } = await admission.reference(PortSchema, entry.portId, path);
  const { message: subnet } = await admission.reference(SubnetSchema, port.subnetId, path);
  if (port.deviceId !== "" && port.deviceId !== vm.id)
    throw invalidField(path, "in_use", `port ${port.id} is used by ${deviceOf(port)}; use a free port`);
  // The claim keeps two machines apart that take a port at the same time.
  admission.claim({ space: `spec.network|${port.id}`, key: port.id });
  if (port.deviceId === "")
    await admission.change(PortSchema, port.id, (taken) => {
      taken.deviceId = vm.id;
      taken.deviceType = DeviceType.VM;
    });
  const { ipAddress = "", ipv6Address = "", macAddress, subnetId } = port;
  Object.assign(entry, { networkId: subnet.vpcId, subnetId, macAddress, ipAddress, ipv6Address });
}

function deviceOf({ deviceType, deviceId }: Port): string {
  return `${deviceType === DeviceType.VM ? "vm" : "device"} ${deviceId}`;
}

async function freePort(admission: Admission, portId: string, vmId: string): Promise<void> {
  await admission.change(PortSchema, portId, (port) => {
    if (port.deviceId !== vmId) return;
    port.deviceId = "";
    port.deviceType = DeviceType.UNSPECIFIED;
  });
}
