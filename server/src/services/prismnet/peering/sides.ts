// The two sides of a peering, as one of them sees them. What it reads of the other's tenant it reads only once that one has named it.
import { type Peering, PeeringSchema, PeeringState } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { type Route, RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Tenant } from "../../../store/store.ts";
import type { Admission, Elsewhere } from "../../kind.ts";

/** One VPC of the pair, with hands in its tenant. */
export interface Side {
  readonly hands: Elsewhere;
  readonly vpcId: string;
}

/** Another side that is there. */
export interface OtherSide extends Side {
  readonly peeringId: string;
  readonly vpc: Vpc;
}

/** Whom a peering names. */
export function peerTenant({ peerOrgId = "", peerProjectId = "" }: Peering): Tenant {
  return { org: peerOrgId, project: peerProjectId };
}

/** Makes everything that is done to a VPC's peerings, or must fit them, go one after the other. */
export function guardPeerings(admission: Admission, { org, project }: Tenant, vpcId: string): void {
  admission.guard(`peerings of ${org}/${project}/${vpcId}`);
}

/** Finds the peering that answers this one, and holds off whatever else would change either VPC's peerings. Undefined: there is none. */
export async function otherSide(admission: Admission, own: Peering): Promise<OtherSide | undefined> {
  const [here, there] = [admission.tenant, peerTenant(own)];
  guardPeerings(admission, here, own.vpcId);
  guardPeerings(admission, there, own.peerVpcId);
  const hands = admission.elsewhere(there);
  const answers = ({ vpcId, peerVpcId, peerOrgId, peerProjectId }: Peering) =>
    vpcId === own.peerVpcId && peerVpcId === own.vpcId && peerOrgId === here.org && peerProjectId === here.project;
  const all = await hands.list(PeeringSchema);
  const found = all.find(({ phase, message }) => phase === "live" && answers(message));
  const vpc = found && (await hands.get(VpcSchema, own.peerVpcId));
  return found && vpc && { hands, vpcId: own.peerVpcId, peeringId: found.id, vpc: vpc.message };
}

/** The peerings of one VPC, those that are going too: their links are still there. */
export async function peeringsOf({ hands, vpcId }: Side): Promise<readonly Peering[]> {
  const all = await hands.list(PeeringSchema);
  return all.map(({ message }) => message).filter((peering) => peering.vpcId === vpcId);
}

/** The static routes of one VPC. */
export async function routesOf({ hands, vpcId }: Side): Promise<readonly Route[]> {
  const all = await hands.list(RouteSchema);
  return all.map(({ message }) => message).filter((route) => route.vpcId === vpcId);
}

export function isActive({ state }: Peering): boolean {
  return state === PeeringState.ACTIVE;
}

/** A VPC's networks, one for each family. */
export function networksOf({ cidr, ipv6Cidr }: Vpc): readonly string[] {
  return ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
}

/** Changes the other side, and has what is made of it follow: its link, and the security groups that name it. */
export async function changeOther(
  { hands, peeringId }: OtherSide,
  outputs: Pick<Peering, "state" | "peerCidrs" | "linkAddress">,
): Promise<void> {
  await hands.change(PeeringSchema, peeringId, (other) => void Object.assign(other, outputs));
  await hands.wakeUsers(PeeringSchema, peeringId);
}
