// The network role: isolated routers, switches and ports with packet filters. What the backend holds is a set of objects, each known by a
// type and the id of our resource that it belongs to; the driver derives the backend's own names from them. A new ability (an elastic IP,
// a route) is a new member of the union, not a new method.

/** A VPC's router: one isolation domain. What no filter allows is dropped in all of it, but for what guests need to come up: DHCP, neighbour and router discovery, the metadata service and the resolver. */
export interface RouterSpec {
  readonly type: "router";
  /** The VPC's id. */
  readonly id: string;
  /** {org}/{project}, told to the backend as the owner. */
  readonly owner: string;
  /** The VPC's networks, one for each family. */
  readonly cidrs: readonly string[];
}

/** A subnet's switch. */
export interface SwitchSpec {
  readonly type: "switch";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  readonly owner: string;
  /** One for each family. */
  readonly cidrs: readonly string[];
}

/** Joins a subnet's switch to its VPC's router. */
export interface RouterPortSpec {
  readonly type: "router-port";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  readonly owner: string;
  /** The gateway's MAC, unique in the VPC. */
  readonly macAddress: string;
  /** The gateway's addresses with their prefix lengths, one for each family: "10.0.1.1/24". With an IPv6 address the router advertises itself (managed: by DHCPv6). */
  readonly addresses: readonly string[];
  /** Bytes. */
  readonly mtu: number;
  /** What the advertisements say of names (RFC 8106). Left out: nothing. */
  readonly names?: {
    /** An IPv6 address. */
    readonly dnsServer: string;
    /** The domain that guests search. */
    readonly domain: string;
  };
}

/** Answers a subnet's guests by DHCP, and by DHCPv6 where it has IPv6. */
export interface DhcpSpec {
  readonly type: "dhcp";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly cidr: string;
  readonly gateway: string;
  readonly ipv6Cidr?: string;
  /** What answers as the DHCP server: the router port's. */
  readonly macAddress: string;
  /** Of either family, each told by its own DHCP; never empty: the service addresses where the tenant names none. */
  readonly dnsServers: readonly string[];
  /** By which the metadata service is reached: guests get a route to 169.254.169.254 over it. */
  readonly serviceAddress: string;
  /** The domain that guests search: "alpha.acme.cloud.internal". */
  readonly domain: string;
  /** Bytes. */
  readonly mtu: number;
}

/** Where the cloud's own resolver and metadata service answer in a subnet; each host that has a port of the subnet serves it by itself. */
export interface ServicePortSpec {
  readonly type: "service-port";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly macAddress: string;
  /** The service address with its prefix length: "10.0.1.254/24". The metadata addresses (`metadataAddresses`) are added by the driver. */
  readonly addresses: readonly string[];
}

/** Where guests find the metadata service, in every subnet. The second is the IPv6 form of the first (RFC 4291 link-local). */
export const metadataAddresses = ["169.254.169.254", "fe80::a9fe:a9fe"] as const;

/** Where a device is plugged in. Packets with another source than its MAC and addresses are dropped, unless it forwards. */
export interface PortSpec {
  readonly type: "port";
  /** The port's id. */
  readonly id: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly macAddress: string;
  /** One for each family, told by DHCP. */
  readonly ipAddresses: readonly string[];
  readonly securityGroupIds: readonly string[];
  /** Told by DHCP; a label of RFC 1035. */
  readonly hostname: string;
  /** May send from any address (its MAC is checked still), and takes packets to any. */
  readonly forwarding: boolean;
  /** Limits in kbit/s, seen from the port. */
  readonly bandwidth: { readonly ingressKbps?: number; readonly egressKbps?: number };
}

/** Allows packets. Drivers build the backend's words from these types alone, never from a tenant's text. */
export interface FilterRule {
  readonly name: string;
  readonly direction: "ingress" | "egress";
  /** "icmp": of both families. */
  readonly protocol: "any" | "tcp" | "udp" | "icmp";
  /** First and last port, for TCP and UDP: the local port of ingress, the remote port of egress. */
  readonly ports?: { readonly first: number; readonly last: number };
  /** A group that is not there (yet) has no ports and no networks, so the rule allows nothing; "nobody" never allows anything. */
  readonly remote:
    | { readonly type: "any" }
    | { readonly type: "nobody" }
    | { readonly type: "cidr"; readonly cidr: string }
    /**
     * Its ports in the VPC of the port that is filtered, and in the tenant's own VPCs that are peered with that one: what has the same
     * address in some other VPC is a stranger. `over`: a peer's group: its ports in the peer's VPC, for ports of the VPC at this end.
     */
    | {
        readonly type: "group";
        readonly securityGroupId: string;
        readonly over?: { readonly vpcId: string; readonly peerVpcId: string };
      }
    | { readonly type: "addresses"; readonly addressGroupId: string };
}

/** A network beyond the cloud, on a wire that some hosts have. */
export interface ExternalNetworkSpec {
  readonly type: "external-network";
  /** The external network's id. */
  readonly id: string;
  readonly owner: string;
  readonly cidr: string;
  /** What the hosts call the wire. */
  readonly physicalNetwork: string;
  /** Undefined: untagged. */
  readonly vlanId?: number;
}

/** Joins a VPC's router to an external network. Its ports' packets leave with the gateway's address as source; the default route leads there. */
export interface GatewaySpec {
  readonly type: "gateway";
  /** The VPC's id. */
  readonly id: string;
  readonly owner: string;
  readonly externalNetworkId: string;
  /** Unique on the external network. */
  readonly macAddress: string;
  /** With its prefix length: "203.0.113.10/24". */
  readonly address: string;
  /** The router out there. */
  readonly nextHop: string;
  /** The same of IPv6, where the external network and the VPC have it. */
  readonly ipv6?: { readonly address: string; readonly nextHop: string };
  /** The VPC's networks; those of a family that the gateway has no address of stay inside. */
  readonly cidrs: readonly string[];
}

/** 1:1 NAT of an address of the external network, of either family, to a port. When it moves or goes, connections over it end. */
export interface ElasticIpSpec {
  readonly type: "elastic-ip";
  /** The elastic IP's id. */
  readonly id: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly address: string;
  readonly portId: string;
  /** The port's, of the same family. */
  readonly portAddress: string;
}

/** A static route of a VPC's router. */
export interface RouteSpec {
  readonly type: "route";
  /** The route's id. */
  readonly id: string;
  readonly owner: string;
  readonly vpcId: string;
  /** A network of either family. */
  readonly destination: string;
  readonly target: /** A port's address in the VPC, of the destination's family. */
    | { readonly type: "address"; readonly address: string; readonly portId: string; readonly subnetId: string }
    /** The VPC's gateway. */
    | { readonly type: "gateway" }
    | { readonly type: "drop" };
}

/** One side of a link between two VPCs' routers. Packets pass when both sides are there. */
export interface PeeringSpec {
  readonly type: "peering";
  /** The peering's id. */
  readonly id: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly peerVpcId: string;
  /** {org}/{project} of the peer. Groups of one tenant hold across its own peerings. */
  readonly peerOwner: string;
  /** The own router's end of the link, unique in the VPC: "169.254.0.1/30". Both sides name the same /30. */
  readonly linkAddress: string;
  /** The other router's end, without the length. */
  readonly peerLinkAddress: string;
  /** The peer VPC's networks, which are routed there. */
  readonly peerCidrs: readonly string[];
}

/** Has the hosts tell of the flows that a VPC's filters decide on (FlowSource). */
export interface FlowLogSpec {
  readonly type: "flow-log";
  /** The flow log's id. */
  readonly id: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly verdicts: "all" | "allowed" | "dropped";
}

/** A set of networks that rules name. */
export interface AddressSetSpec {
  readonly type: "addresses";
  /** The address group's id. */
  readonly id: string;
  readonly owner: string;
  readonly cidrs: readonly string[];
}

/** A stateful packet filter. A port without any lets everything out and nothing in; so does a filter without rules; its first egress rule ends the freedom to send anywhere. */
export interface FilterSpec {
  readonly type: "filter";
  /** The security group's id. */
  readonly id: string;
  readonly owner: string;
  readonly rules: readonly FilterRule[];
}

/** An object as it should be. */
export type NetworkObject =
  | RouterSpec
  | SwitchSpec
  | RouterPortSpec
  | DhcpSpec
  | ServicePortSpec
  | PortSpec
  | FilterSpec
  | AddressSetSpec
  | ExternalNetworkSpec
  | GatewaySpec
  | ElasticIpSpec
  | RouteSpec
  | PeeringSpec
  | FlowLogSpec;

/** Names an object. */
export interface NetworkObjectId {
  readonly type: NetworkObject["type"];
  readonly id: string;
}

/** A port as the backend sees it. */
export interface PortStatus {
  /** Whether a device is plugged in and its flows are programmed. */
  readonly up: boolean;
}

/** A first packet of a connection, sent from a port. */
export interface Packet {
  readonly fromPortId: string;
  readonly toIp: string;
  readonly protocol: "tcp" | "udp" | "icmp";
  /** The port at the target; not for ICMP. */
  readonly port?: number;
}

/** Something that a packet passes. */
export interface Hop {
  readonly type: NetworkObject["type"];
  readonly id: string;
  /** {org}/{project} of the object; "" for the system's. */
  readonly owner: string;
  /** What it did: "rule web allows it". Names nothing of another VPC. */
  readonly action: string;
}

/** What became of a packet. */
export interface Reach {
  /** At a port, or over the cloud's edge. */
  readonly reached: boolean;
  /** A sentence: what let it pass or dropped it, in our resources' ids. Names nothing of another VPC. */
  readonly because: string;
  /** What it passed, in order, as far as it came. */
  readonly hops: readonly Hop[];
}

/** Something that changed in the backend by itself. */
export interface NetworkChange {
  readonly type: NetworkObject["type"];
  readonly id: string;
  /** {org}/{project} */
  readonly owner: string;
  /** "status": a port came up or went down. "drift": someone else changed the object; ensure it again. */
  readonly what: "status" | "drift";
}

/** What a comparison of the backend with what it should hold found. */
export interface Audit {
  /** Objects that are not as they should be, with what is wrong: ensure them again. */
  readonly drifted: readonly (NetworkObjectId & { readonly detail: string })[];
  /** Objects with our mark that should not be there: remove them. */
  readonly strays: readonly NetworkObjectId[];
  /** What others keep there: the backend's own type and name. Leave it alone. */
  readonly foreign: readonly { readonly type: string; readonly id: string; readonly detail: string }[];
}

/** Drives a network backend. */
export interface NetworkDriver {
  /** "ovn", "simulated": what statuses name. */
  readonly name: string;
  /** Whether the backend forgets everything when this process ends: then everything must be ensured again at the start. */
  readonly volatile: boolean;
  /**
   * Makes an object equal to its spec, whatever was there before. Resolves when the backend has taken it (`programmed` waits for the
   * hosts). What it stands on (topology.ts) must be there. Calls that come together go out together.
   *
   * @throws DriverError "missing" if what it stands on is not there, "refused" if the backend can't have it so, "unavailable" if it does not answer.
   */
  ensure(object: NetworkObject, signal: AbortSignal): Promise<void>;
  /**
   * Removes an object; succeeds where there is none.
   *
   * @throws DriverError "in_use" while another object stands on it.
   */
  remove(object: NetworkObjectId, signal: AbortSignal): Promise<void>;
  /** Resolves when everything that was ensured or removed before the call is at work on every live host that has a port of the VPC, or its gateway. */
  programmed(vpcId: string, signal: AbortSignal): Promise<void>;
  /** Undefined: there is no such port. */
  portStatus(portId: string, signal: AbortSignal): Promise<PortStatus | undefined>;
  /** Tells what would become of a packet, by the backend's own reckoning. @throws DriverError "missing" if there is no such port. */
  reaches(packet: Packet, signal: AbortSignal): Promise<Reach>;
  /** Everything that carries our mark. */
  inventory(signal: AbortSignal): Promise<readonly NetworkObjectId[]>;
  /** Compares everything that the backend holds with everything that it should hold. Changes nothing. */
  audit(objects: Iterable<NetworkObject>, signal: AbortSignal): Promise<Audit>;
  /** Calls back when something changes that this driver did not do. Answers how to stop. */
  onChange(listener: (change: NetworkChange) => void): () => void;
  /** Calls back when the backend was away and may have lost or kept anything: then an audit is due. Left out: that can't be. Answers how to stop. */
  onReset?(listener: () => void): () => void;
  close(): Promise<void>;
}
