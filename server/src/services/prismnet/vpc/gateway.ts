// A VPC's way out: the external network that it is joined to, and the address by which the outside sees it.
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import type { Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault } from "../../../fault.ts";
import { formatPath } from "../../call.ts";
import type { Admission, Loaded } from "../../kind.ts";
import { claimAddress, drawAddress, releaseAddress } from "../external-network/addresses.ts";

/** What needs the gateway of a VPC, as {noun}/{id}: elastic IPs and routes. */
const usersOf = (vpcId: string) => `gateway users|${vpcId}`;

/** Of these, what needs it to have IPv6. */
const ipv6UsersOf = (vpcId: string) => `IPv6 gateway users|${vpcId}`;

/** Why something needs the gateway. */
export interface GatewayUser {
  readonly noun: "elastic_ip" | "route";
  readonly id: string;
  readonly family: 4 | 6;
}

/** Says that the resource being written needs the VPC's gateway: until it is gone or changed the VPC stays joined. */
export function needGateway(admission: Admission, vpcId: string, { noun, id, family }: GatewayUser): void {
  admission.guard(usersOf(vpcId));
  const spaces = family === 4 ? [usersOf(vpcId)] : [usersOf(vpcId), ipv6UsersOf(vpcId)];
  for (const space of spaces) admission.claim({ space, key: `${noun}/${id}` });
}

/** @throws Fault STILL_REFERENCED, naming what needs the gateway as it is. */
async function refuseWhileUsed(admission: Admission, before: Vpc, next: Vpc): Promise<void> {
  admission.guard(usersOf(next.id));
  const users = [...(await admission.claimed(usersOf(next.id)))].sort();
  const ofIpv6 = next.egressIpv6Address === "" ? await admission.claimed(ipv6UsersOf(next.id)) : new Set<string>();
  // A route leads to whatever gateway of its family there is; an elastic IP is an address of that one network.
  const bound = users.filter(
    (user) => next.externalNetworkId === undefined || user.startsWith("elastic_ip/") || ofIpv6.has(user),
  );
  if (bound.length === 0) return;
  const resources = bound.map((user) => {
    const [type = "", id = ""] = user.split("/");
    return formatPath({ ...admission.tenant, type, id });
  });
  const message = `vpc ${next.id} can't leave external network ${before.externalNetworkId} while ${resources.join(", ")} need it; delete or change that first`;
  const violations = [{ path: "external_network_id", rule: "in_use", message }];
  throw new Fault("STILL_REFERENCED", message, { violations, resources });
}

/** A VPC's addresses outside, of the families that it has there. */
function egressOf({ egressAddress, egressIpv6Address }: Vpc): readonly string[] {
  return [egressAddress, egressIpv6Address].filter((address) => address !== "");
}

/** Gives the addresses back that a VPC had. */
export async function releaseEgress(admission: Admission, vpc: Vpc): Promise<void> {
  const network = await admission.get(ExternalNetworkSchema, vpc.externalNetworkId ?? "");
  if (network !== undefined) for (const address of egressOf(vpc)) releaseAddress(network.message, address);
}

async function join(admission: Admission, next: Vpc, externalNetworkId: string): Promise<void> {
  const { message } = await admission.reference(ExternalNetworkSchema, externalNetworkId, "external_network_id");
  const path = "external_network_id";
  next.egressAddress = await drawAddress(admission, message, { family: 4, path });
  if (next.ipv6Cidr === undefined || message.ipv6Cidr === undefined) return;
  next.egressIpv6Address = await drawAddress(admission, message, { family: 6, path });
}

/** Keeps the egress addresses while the external network stays, and draws others where it changes. @throws Fault STILL_REFERENCED, OUT_OF_ADDRESSES */
export async function admitGateway(
  admission: Admission,
  next: Vpc,
  prior: Loaded<typeof VpcSchema> | undefined,
): Promise<void> {
  if (next.externalNetworkId === "") delete next.externalNetworkId;
  const before = prior?.message;
  const { externalNetworkId } = next;
  const moves = before?.externalNetworkId !== externalNetworkId;
  if (moves) {
    next.egressAddress = next.egressIpv6Address = "";
    if (externalNetworkId !== undefined) await join(admission, next, externalNetworkId);
    if (before?.externalNetworkId !== undefined) await refuseWhileUsed(admission, before, next);
    if (before !== undefined && !admission.planning) await releaseEgress(admission, before);
  }
  if (externalNetworkId === undefined) return;
  for (const address of egressOf(next)) claimAddress(admission, externalNetworkId, address, moves);
}
