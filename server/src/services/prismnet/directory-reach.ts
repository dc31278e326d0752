// What a VPC's guests can reach by name: the VPC itself, and those that it is linked with while the link is active.
import { PeeringSchema, PeeringState } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Clock } from "../../clock.ts";
import type { ResourceKey, Store, Tenant } from "../../store/store.ts";
import { live, liveReferrers } from "./directory-reads.ts";

/** A VPC in reach. */
export interface ReachedVpc {
  readonly tenant: Tenant;
  readonly id: string;
  readonly networks: readonly string[];
  readonly subnets: readonly { readonly id: string; readonly networks: readonly string[] }[];
}

/** How long a VPC's shape is believed, in milliseconds, and of how many VPCs: a name that a new subnet or link brings is at most so late. */
const believedMs = 1_000;
const remembered = 1_000;

export function networksOf({
  cidr,
  ipv6Cidr,
}: {
  readonly cidr?: string | undefined;
  readonly ipv6Cidr?: string | undefined;
}) {
  return [cidr, ipv6Cidr].filter((one): one is string => one !== undefined && one !== "");
}

/** Reads and remembers VPCs for a moment. */
export class Reaches {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly at: number; readonly reach: Promise<readonly ReachedVpc[]> }>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The VPC first. None: there is no such VPC. */
  of(tenant: Tenant, vpcId: string): Promise<readonly ReachedVpc[]> {
    const key = `${tenant.org}/${tenant.project}/${vpcId}`;
    const now = this.#clock.now();
    const known = this.#known.get(key);
    if (known !== undefined && Math.abs(now - known.at) < believedMs) return known.reach;
    const reach = this.#read(tenant, vpcId);
    this.#known.delete(key);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= remembered) this.#known.delete(oldest);
    this.#known.set(key, { at: now, reach });
    reach.catch(() => this.#known.delete(key));
    return reach;
  }

  async #read(tenant: Tenant, vpcId: string): Promise<readonly ReachedVpc[]> {
    const own = await this.#vpc(tenant, vpcId);
    if (own === undefined) return [];
    const peerings = await liveReferrers(this.#store, PeeringSchema, keyOfVpc(tenant, vpcId));
    const active = peerings.filter(({ message }) => message.vpcId === vpcId && message.state === PeeringState.ACTIVE);
    const peers = active.map(({ message }) => {
      const { peerOrgId = tenant.org, peerProjectId = tenant.project, peerVpcId } = message;
      return this.#vpc({ org: peerOrgId, project: peerProjectId }, peerVpcId);
    });
    return [own, ...(await Promise.all(peers)).filter((peer) => peer !== undefined)];
  }

  async #vpc(tenant: Tenant, id: string): Promise<ReachedVpc | undefined> {
    const vpc = await live(this.#store, VpcSchema, tenant, id);
    if (vpc === undefined) return undefined;
    const subnets = await liveReferrers(this.#store, SubnetSchema, vpc.key);
    return {
      tenant,
      id,
      networks: networksOf(vpc.message),
      subnets: subnets.map((subnet) => ({ id: subnet.id, networks: networksOf(subnet.message) })),
    };
  }
}

function keyOfVpc(tenant: Tenant, id: string): ResourceKey {
  return { tenant, kind: VpcSchema.typeName, id };
}
