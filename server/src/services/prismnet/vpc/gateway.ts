// A VPC's way out: the external network that it is joined to, and the address by which the outside sees it.
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import type { Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault } from "../../../fault.ts";
import { formatPath } from "../../call.ts";
import type { Admission, Loaded } from "../../kind.ts";
import { claimAddress, drawAddress, releaseAddress } from "../external-network/addresses.ts";

/** What needs the gateway of a VPC, as {noun}/{id}: elastic IPs and routes. */
const usersOf = (vpcId: string) => `gateway users|${vpcId}`;

/** Why something needs the gateway. */
export interface GatewayUser {
  readonly noun: "elastic_ip" | "route";
  readonly id: string;
}

/** Says that the resource being written needs the VPC's gateway: until it is gone or changed the VPC stays joined. */
export function needGateway(admission: Admission, vpcId: string, { noun, id }: GatewayUser): void {
  admission.guard(usersOf(vpcId));
  admission.claim({ space: usersOf(vpcId), key: `${noun}/${id}` });
}

/** @throws Fault STILL_REFERENCED, naming what needs the gateway as it is. */
async function refuseWhileUsed(admission: Admission, before: Vpc, next: Vpc): Promise<void> {
  admission.guard(usersOf(next.id));
  const users = [...(await admission.claimed(usersOf(next.id)))].sort();
  // A route leads to whatever gateway there is; an elastic IP is an address of that one network.
  const bound = users.filter((user) => next.externalNetworkId === undefined || user.startsWith("elastic_ip/"));
  if (bound.length === 0) return;
  const resources = bound.map((user) => {
    const [type = "", id = ""] = user.split("/");
    return formatPath({ ...admission.tenant, type, id });
  });
  const message = `vpc ${next.id} can't leave external network ${before.externalNetworkId} while ${resources.join(", ")} need it; delete or change that first`;
  const violations = [{ path: "external_network_id", rule: "in_use", message }];
  throw new Fault("STILL_REFERENCED", message, { violations, resources });
}

/** Gives an address back that a VPC had. */
export async function releaseEgress(admission: Admission, { externalNetworkId, egressAddress }: Vpc): Promise<void> {
  const network = await admission.get(ExternalNetworkSchema, externalNetworkId ?? "");
  if (network !== undefined && egressAddress !== "") releaseAddress(network.message, egressAddress);
}

async function join(admission: Admission, next: Vpc, externalNetworkId: string): Promise<void> {
  const { message } = await admission.reference(ExternalNetworkSchema, externalNetworkId, "external_network_id");
  next.egressAddress = await drawAddress(admission, message, "external_network_id");
}

/** Keeps the egress address while the external network stays, and draws another where it changes. @throws Fault STILL_REFERENCED, OUT_OF_ADDRESSES */
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
    if (before?.externalNetworkId !== undefined) await refuseWhileUsed(admission, before, next);
    next.egressAddress = "";
    if (externalNetworkId !== undefined) await join(admission, next, externalNetworkId);
    if (before !== undefined && !admission.planning) await releaseEgress(admission, before);
  }
  if (externalNetworkId !== undefined) claimAddress(admission, externalNetworkId, next.egressAddress, moves);
}
