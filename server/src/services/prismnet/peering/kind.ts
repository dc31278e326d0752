// Peerings: each side makes its own. The second to come finds the first and makes both active; the first to go makes the other wait again.
import { type Peering, PeeringSchema, PeeringState } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { peeringNetwork, peeringReconciler } from "./kind.steps.ts";
import { freeLink } from "./links.ts";
import { checkOverlap, checkRoutes } from "./overlap.ts";
import { changeOther, isActive, networksOf, type OtherSide, otherSide, peeringsOf, routesOf } from "./sides.ts";

/** What a side shows while the other is not there. */
const waiting = () => ({ state: PeeringState.PENDING, peerCidrs: [], linkAddress: "" });

/** @throws Fault INVALID_FIELDS on "peer_vpc_id". */
function checkPeer({ tenant }: Admission, { vpcId, peerVpcId, peerOrgId, peerProjectId }: Peering): void {
  if (vpcId === peerVpcId && peerOrgId === tenant.org && peerProjectId === tenant.project)
    throw invalidField("peer_vpc_id", "conflict", `${peerVpcId} is the own VPC; name another`);
}

/** Makes both sides active. @throws Fault INVALID_FIELDS, rule "overlap"; OUT_OF_ADDRESSES */
async function join(admission: Admission, next: Peering, other: OtherSide): Promise<void> {
  const { vpcId, peerVpcId } = next;
  const { message: vpc } = await admission.reference(VpcSchema, vpcId, "vpc_id");
  const peerings = await peeringsOf({ hands: admission, vpcId });
  const peersPeerings = await peeringsOf(other);
  const [networks, peerNetworks] = [networksOf(vpc), networksOf(other.vpc)];
  // One with the same peer is refused by the claim.
  const others = (side: readonly Peering[], than: string) =>
    side.filter((one) => isActive(one) && one.peerVpcId !== than);
  const active = { peerings: others(peerings, peerVpcId), peersPeerings: others(peersPeerings, vpcId) };
  checkOverlap({ vpcId, peerVpcId, networks, peerNetworks, ...active });
  checkRoutes(
    { vpcId, peerVpcId, networks, peerNetworks },
    await routesOf({ hands: admission, vpcId }),
    await routesOf(other),
  );
  const link = freeLink([...peerings, ...peersPeerings].map(({ linkAddress }) => linkAddress));
  if (link === undefined)
    throw new Fault("OUT_OF_ADDRESSES", "one of the VPCs has no address left for another peering; delete one first");
  const state = PeeringState.ACTIVE;
  Object.assign(next, { state, peerCidrs: peerNetworks, linkAddress: link.one });
  await changeOther(other, { state, peerCidrs: [...networks], linkAddress: link.other });
}

async function admitNew(admission: Admission, next: Peering): Promise<void> {
  checkPeer(admission, next);
  Object.assign(next, waiting());
  const other = await otherSide(admission, next);
  if (other !== undefined) await join(admission, next, other);
}

export const peeringKind = defineKind({
  schema: PeeringSchema,
  async admit(admission, next, prior) {
    next.peerOrgId ??= admission.tenant.org;
    next.peerProjectId ??= admission.tenant.project;
    admission.claim({ space: `peer_vpc_id|${next.vpcId}`, key: next.peerVpcId });
    if (prior === undefined) await admitNew(admission, next);
  },
  async admitDelete(admission, { message }) {
    const other = await otherSide(admission, message);
    if (other !== undefined) await changeOther(other, waiting());
  },
  reconciler: peeringReconciler,
  network: peeringNetwork,
});
