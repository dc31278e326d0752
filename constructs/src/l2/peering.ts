// Links between VPCs: `vpc.peerWith("to-shared", shared)`.
import { Construct } from "constructs";
import { TfPeering } from "../l1/gen/index.ts";
import { nameOf } from "./names.ts";
import type { Vpc } from "./vpc.ts";

/** A VPC that another program, project or org owns. */
export interface ForeignVpc {
  readonly vpcId: string;
  /** @default - the own org */
  readonly orgId?: string;
  /** @default - the own project */
  readonly projectId?: string;
}

/** A security group on the other side of a peering; made by `peering.group`. */
export interface PeerGroup {
  readonly peering: Peering;
  /** What it is called in the names of rules. */
  readonly name: string;
  readonly securityGroupId: string;
}

export interface PeeringProps {
  readonly vpc: Vpc;
  /** A VPC of this program, whose side is made too; or one of somebody else's, who makes that side. */
  readonly peer: Vpc | ForeignVpc;
  /** @default - from the construct's path */
  readonly name?: string;
}

function isConstruct(peer: Vpc | ForeignVpc): peer is Vpc {
  return Construct.isConstruct(peer);
}

/** A link between two VPCs. Packets pass when both sides are there, and only where security groups let them. */
export class Peering extends Construct {
  /** The own side. */
  readonly resource: TfPeering;
  /** The other side, where the peer is of this program. */
  readonly otherSide: TfPeering | undefined;

  /** @throws Error for a VPC with itself. */
  constructor(scope: Construct, id: string, { vpc, peer, name }: PeeringProps) {
    super(scope, id);
    if (peer === vpc) throw new Error(`${this.node.path}: a VPC can't be peered with itself; name another`);
    const own = name ?? nameOf(this);
    const { orgId, projectId } = isConstruct(peer) ? {} : peer;
    this.resource = new TfPeering(this, "Resource", {
      name: own,
      vpcId: vpc.vpcId,
      peerVpcId: peer.vpcId,
      ...(orgId === undefined ? {} : { peerOrgId: orgId }),
      ...(projectId === undefined ? {} : { peerProjectId: projectId }),
    });
    this.otherSide = isConstruct(peer) ? this.#answer(peer, vpc) : undefined;
  }

  /** Its id, known when it is deployed. */
  get peeringId(): string {
    return this.resource.id;
  }

  /** A security group of the peer's: `web.connections.allowFromPeer(peering.group("app", "sg-…"), tcp(80))`. */
  group(name: string, securityGroupId: string): PeerGroup {
    return { peering: this, name, securityGroupId };
  }

  #answer(vpc: Vpc, peer: Vpc): TfPeering {
    const scope = new Construct(this, "Back");
    return new TfPeering(scope, "Resource", { name: nameOf(scope), vpcId: vpc.vpcId, peerVpcId: peer.vpcId });
  }
}
