// A VPC and its subnets.
import { Construct } from "constructs";
import { type TfExternalNetwork, TfSubnet, TfVpc } from "../l1/gen/index.ts";
import { idOf } from "./elastic-ip.ts";
import { nameOf } from "./names.ts";
import { type ForeignVpc, Peering } from "./peering.ts";
import { Route, type RouteProps } from "./route.ts";

export interface VpcProps {
  /** @default - from the construct's path */
  readonly name?: string;
  /** The addresses that subnets are carved from. A change forces replacement. @default "10.0.0.0/16" */
  readonly cidr?: string;
  /** The IPv6 addresses that subnets are carved from, /40 to /64. A change forces replacement. @default - IPv4 alone */
  readonly ipv6Cidr?: string;
  /** By which its machines reach the outside, and elastic IPs reach them: its id, or one of this program. @default - none: it is closed */
  readonly externalNetwork?: string | TfExternalNetwork;
  /** @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** An isolated network. */
export class Vpc extends Construct {
  readonly resource: TfVpc;

  constructor(scope: Construct, id: string, props: VpcProps = {}) {
    super(scope, id);
    this.resource = new TfVpc(this, "Resource", {
      name: props.name ?? nameOf(this),
      cidr: props.cidr ?? "10.0.0.0/16",
      ...(props.ipv6Cidr === undefined ? {} : { ipv6Cidr: props.ipv6Cidr }),
      ...(props.externalNetwork === undefined ? {} : { externalNetworkId: idOf(props.externalNetwork) }),
      ...(props.labels === undefined ? {} : { labels: props.labels }),
    });
  }

  /** Its id, known when it is deployed. */
  get vpcId(): string {
    return this.resource.id;
  }

  /** Its addresses, known when it is deployed. */
  get cidr(): string {
    return this.resource.cidr;
  }

  /** The address that the outside sees its machines by, known when it is deployed; empty for a closed one. */
  get egressAddress(): string {
    return this.resource.egressAddress;
  }

  /**
   * Adds a subnet. Without a CIDR the cloud draws the next free block when the subnet is created, and it stays: adding or removing other
   * subnets in the program never moves it.
   */
  addSubnet(id: string, props: Omit<SubnetProps, "vpc"> = {}): Subnet {
    return new Subnet(this, id, { ...props, vpc: this });
  }

  /** Sends what goes to a network through a machine that forwards, to the external network, or nowhere. */
  addRoute(id: string, props: Omit<RouteProps, "vpc">): Route {
    return new Route(this, id, { ...props, vpc: this });
  }

  /**
   * Links it with another VPC: one of this program, or one that is named by its id, whose owner makes the other side. Their addresses must
   * not overlap.
   */
  peerWith(id: string, peer: Vpc | ForeignVpc): Peering {
    return new Peering(this, id, { vpc: this, peer });
  }
}

export interface SubnetProps {
  readonly vpc: Vpc;
  /** @default - from the construct's path */
  readonly name?: string;
  /** Inside the VPC's addresses. A change forces replacement. @default - the next free block */
  readonly cidr?: string;
  /** The router's address. A change forces replacement. @default - the subnet's first address */
  readonly gateway?: string;
  /** Whether guests are told their addresses by DHCP. @default true */
  readonly dhcpEnabled?: boolean;
  /** Name servers that DHCP tells guests of. @default - the cloud's */
  readonly dnsServers?: readonly string[];
  /** A /64 of the VPC's IPv6 addresses. A change forces replacement. @default - the next free one, if the VPC has IPv6 */
  readonly ipv6Cidr?: string;
  /** The largest packet that guests are told to send, 1280 to 8942 bytes. @default 1442 */
  readonly mtu?: number;
  /** @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A part of a VPC in which machines get their addresses. */
export class Subnet extends Construct {
  readonly vpc: Vpc;
  readonly resource: TfSubnet;

  constructor(scope: Construct, id: string, props: SubnetProps) {
    super(scope, id);
    const { vpc, name, ...rest } = props;
    this.vpc = vpc;
    this.resource = new TfSubnet(this, "Resource", { ...rest, name: name ?? nameOf(this), vpcId: vpc.vpcId });
  }

  /** Its id, known when it is deployed. */
  get subnetId(): string {
    return this.resource.id;
  }

  /** Its addresses, known when it is deployed. */
  get cidr(): string {
    return this.resource.cidr;
  }
}
