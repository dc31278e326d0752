// Networks of tenants as objects of the driver, for tests that send real packets. Every VPC has the same addresses, so what keeps two apart
// is the network alone.
import type { FilterRule, GatewaySpec, NetworkObject, PortSpec } from "../../server/src/backends/network/driver.ts";

/** What lets everything in. */
export const letAllIn: FilterRule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } };

/** The lab's outside; its own end is the next hop of a VPC's gateway. */
export const externalNetwork: NetworkObject = {
  type: "external-network",
  id: "external",
  owner: "",
  cidr: "203.0.113.0/24",
  physicalNetwork: "physnet1",
};
export const nextHop = "203.0.113.1";

const hex = (n: number) => n.toString(16).padStart(2, "0");

/** One tenant's VPC 10.0.0.0/16 and fd00:10::/48, or another of such networks; `tag` is in all its ids. */
export class TenantObjects {
  readonly vpcId: string;
  readonly owner: string;
  readonly tag: string;
  /** What its addresses begin with: "10.0", "fd00:10:0". */
  readonly v4: string;
  readonly v6: string;

  /** @param network Tells VPCs apart that are to be peered; below 10. */
  constructor(tag: string, owner = `${tag}/main`, network = 0) {
    this.tag = tag;
    this.owner = owner;
    this.vpcId = `vpc-${tag}`;
    this.v4 = `10.${network}`;
    this.v6 = `fd00:1${network}:0`;
  }

  get cidrs(): readonly string[] {
    return [`${this.v4}.0.0/16`, `${this.v6}::/48`];
  }

  router(): NetworkObject {
    return { type: "router", id: this.vpcId, owner: this.owner, cidrs: this.cidrs };
  }

  /** Its way to the outside. */
  gateway(more: Partial<GatewaySpec> = {}): GatewaySpec {
    return {
      type: "gateway",
      id: this.vpcId,
      owner: this.owner,
      externalNetworkId: "external",
      macAddress: "0a:00:cb:00:71:0a",
      address: "203.0.113.10/24",
      nextHop,
      cidrs: [`${this.v4}.0.0/16`],
      ...more,
    };
  }

  subnetId(n: number): string {
    return `subnet-${this.tag}-${n}`;
  }

  /** A subnet (10.0.n.0/24) with all that belongs to it. */
  subnet(n: number, options: { readonly domain?: string } = {}): readonly NetworkObject[] {
    const common = { id: this.subnetId(n), vpcId: this.vpcId, owner: this.owner } as const;
    const [macAddress, serviceAddress, mtu] = [`0a:00:0a:00:${hex(n)}:01`, `${this.v4}.${n}.254`, 1442];
    const { domain = "main.test.cloud.internal" } = options;
    const names = { dnsServer: `${this.v6}:${n}::fffe`, domain };
    const [cidr, ipv6Cidr] = [`${this.v4}.${n}.0/24`, `${this.v6}:${n}::/64`];
    return [
      { type: "switch", ...common, cidrs: [cidr, ipv6Cidr] },
      {
        type: "router-port",
        ...common,
        macAddress,
        addresses: [`${this.v4}.${n}.1/24`, `${this.v6}:${n}::1/64`],
        mtu,
        names,
      },
      {
        type: "service-port",
        ...common,
        macAddress: `0a:00:0a:00:${hex(n)}:fe`,
        addresses: [`${serviceAddress}/24`, `${this.v6}:${n}::fffe/64`],
      },
      {
        type: "dhcp",
        ...common,
        cidr,
        ipv6Cidr,
        gateway: `${this.v4}.${n}.1`,
        macAddress,
        dnsServers: [serviceAddress, names.dnsServer],
        serviceAddress,
        domain,
        mtu,
      },
    ];
  }

  groupId(name: string): string {
    return `sg-${this.tag}-${name}`;
  }

  group(name: string, rules: readonly FilterRule[]): NetworkObject {
    return { type: "filter", id: this.groupId(name), owner: this.owner, rules };
  }

  /** The port (10.0.n.k), in groups of these names. */
  port(n: number, k: number, groups: readonly string[], more: Partial<PortSpec> = {}): PortSpec {
    return {
      type: "port",
      id: `port-${this.tag}-${n}-${k}`,
      subnetId: this.subnetId(n),
      vpcId: this.vpcId,
      owner: this.owner,
      macAddress: `fa:16:3e:00:${hex(n)}:${hex(k)}`,
      ipAddresses: [`${this.v4}.${n}.${k}`, `${this.v6}:${n}::${k}`],
      securityGroupIds: groups.map((name) => this.groupId(name)),
      hostname: `vm-${n}-${k}`,
      forwarding: false,
      bandwidth: {},
      ...more,
    };
  }
}
