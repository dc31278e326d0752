// Ports: addresses and a MAC that stay while devices come and go.
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { refuseWhileRouted } from "../route/target.ts";
import {
  type AddressSpace,
  checkAddress,
  drawAddress,
  drawMac,
  ipv4Space,
  ipv6Space,
  macsOf,
  releaseAddresses,
} from "./addresses.ts";
import { analyzePath } from "./analyze.ts";
import { attach, detach, requireFree } from "./devices.ts";
import { portNetwork, portReconciler } from "./kind.steps.ts";

/** @throws Fault INVALID_FIELDS if a group is named twice. */
function checkGroups({ securityGroupIds: ids }: Port): void {
  const again = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  if (again >= 0)
    throw invalidField(`security_group_ids[${again}]`, "unique", `${ids[again]} is named twice; name it once`);
}

/** Draws or checks an address, and takes it. `isNew`: it is the port's creation. */
async function takeAddress(admission: Admission, of: AddressSpace, asked: string | undefined, isNew: boolean) {
  const drawn = asked === undefined;
  const key = asked ?? (await drawAddress(admission, of));
  if (!drawn && isNew) checkAddress(of, key);
  admission.claim({ space: of.space, key, drawn });
  return key;
}

async function takeIpv6(admission: Admission, next: Port, subnet: Subnet, isNew: boolean): Promise<void> {
  const space = ipv6Space(next.subnetId, subnet);
  if (space !== undefined) next.ipv6Address = await takeAddress(admission, space, next.ipv6Address, isNew);
  else if (next.ipv6Address !== undefined) {
    const message = `${next.ipv6Address} was given, but subnet ${next.subnetId} has no IPv6; leave it out, or use a subnet with an ipv6_cidr`;
    throw invalidField("ipv6_address", "conflict", message);
  }
}

async function admitAddresses(admission: Admission, next: Port, isNew: boolean): Promise<void> {
  const { message: subnet } = await admission.reference(SubnetSchema, next.subnetId, "subnet_id");
  next.ipAddress = await takeAddress(admission, ipv4Space(next.subnetId, subnet), next.ipAddress, isNew);
  await takeIpv6(admission, next, subnet, isNew);
  if (isNew) next.macAddress = drawMac(admission);
  admission.claim({ space: macsOf(subnet.vpcId), key: next.macAddress, drawn: isNew });
}

export const portKind = defineKind({
  schema: PortSchema,
  async admit(admission, next, prior) {
    checkGroups(next);
    next.forwarding ??= false;
    if (prior?.message.forwarding && !next.forwarding) await refuseWhileRouted(admission, prior.id);
    await admitAddresses(admission, next, prior === undefined);
  },
  async admitDelete(_, { message, tenant }) {
    requireFree(message, tenant, "deleted");
  },
  async released(admission, { message }) {
    const subnet = await admission.get(SubnetSchema, message.subnetId);
    if (subnet !== undefined) releaseAddresses(message, subnet.message);
  },
  methods: {
    AttachDevice: { update: async (port, request, { tenant }) => attach(port, request, tenant) },
    DetachDevice: { update: async (port, request, { tenant }) => detach(port, request, tenant) },
  },
  queries: { AnalyzePath: analyzePath },
  reconciler: portReconciler,
  network: portNetwork,
});
