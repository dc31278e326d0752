// Ports: an address and a MAC that stay while devices come and go.
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { addressesOf, checkAddress, drawAddress, drawMac, macsOf, releaseAddress } from "./addresses.ts";
import { attach, detach, requireFree } from "./devices.ts";
import { portNetwork, portReconciler } from "./kind.steps.ts";

/** @throws Fault INVALID_FIELDS if a group is named twice. */
function checkGroups({ securityGroupIds: ids }: Port): void {
  const again = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  if (again >= 0)
    throw invalidField(`security_group_ids[${again}]`, "unique", `${ids[again]} is named twice; name it once`);
}

async function admitAddresses(admission: Admission, next: Port, isNew: boolean): Promise<void> {
  const { message: subnet } = await admission.reference(SubnetSchema, next.subnetId, "subnet_id");
  const drawsAddress = next.ipAddress === undefined;
  if (next.ipAddress === undefined) next.ipAddress = await drawAddress(admission, next.subnetId, subnet);
  else if (isNew) checkAddress(next.ipAddress, subnet);
  if (isNew) next.macAddress = drawMac(admission);
  admission.claim({ space: addressesOf(next.subnetId), key: next.ipAddress, drawn: drawsAddress });
  admission.claim({ space: macsOf(subnet.vpcId), key: next.macAddress, drawn: isNew });
}

export const portKind = defineKind({
  schema: PortSchema,
  async admit(admission, next, prior) {
    checkGroups(next);
    next.forwarding ??= false;
    await admitAddresses(admission, next, prior === undefined);
  },
  async admitDelete(_, { message, tenant }) {
    requireFree(message, tenant, "deleted");
  },
  async released(admission, { message }) {
    const subnet = await admission.get(SubnetSchema, message.subnetId);
    if (subnet !== undefined) releaseAddress(message, subnet.message);
  },
  methods: {
    AttachDevice: { update: async (port, request, { tenant }) => attach(port, request, tenant) },
    DetachDevice: { update: async (port, request, { tenant }) => detach(port, request, tenant) },
  },
  reconciler: portReconciler,
  network: portNetwork,
});
