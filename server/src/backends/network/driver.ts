// The network role: isolated routers, switches and ports with packet filters. What the backend holds is a set of objects, each known by a
// type and the id of our resource that it belongs to; the driver derives the backend's own names from them. A new ability (an elastic IP,
// a route) is a new member of the union, not a new method.

/** A VPC's router: one isolation domain. What no filter allows is dropped in all of it, but for the DHCP requests of its own guests. */
export interface RouterSpec {
  readonly type: "router";
  /** The VPC's id. */
  readonly id: string;
  /** {org}/{project}, told to the backend as the owner. */
  readonly owner: string;
  readonly cidr: string;
}

/** A subnet's switch. */
export interface SwitchSpec {
  readonly type: "switch";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly cidr: string;
}

/** Joins a subnet's switch to its VPC's router. */
export interface RouterPortSpec {
  readonly type: "router-port";
  /** The subnet's id. */
  readonly id: string;
  readonly vpcId: string;
  /** The gateway's MAC, unique in the VPC. */
  readonly macAddress: string;
  /** The gateway's addresses with their prefix lengths, one for each family: "10.0.1.1/24". */
  readonly addresses: readonly string[];
}

/** Answers a subnet's guests by DHCP. */
export interface DhcpSpec {
  readonly type: "dhcp";
  /** The subnet's id. */
  readonly id: string;
  readonly cidr: string;
  readonly gateway: string;
  /** What answers as the DHCP server: the router port's. */
  readonly macAddress: string;
  readonly dnsServers: readonly string[];
}

/** Where a device is plugged in. Packets with another source than its MAC and addresses are dropped. */
export interface PortSpec {
  readonly type: "port";
  /** The port's id. */
  readonly id: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly macAddress: string;
  /** One for each family, the first one told by DHCP. */
  readonly ipAddresses: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/** Allows packets. Drivers build the backend's words from these types alone, never from a tenant's text. */
export interface FilterRule {
  readonly name: string;
  readonly direction: "ingress" | "egress";
  readonly protocol: "any" | "tcp" | "udp" | "icmp";
  /** First and last port, for TCP and UDP: the local port of ingress, the remote port of egress. */
  readonly ports?: { readonly first: number; readonly last: number };
  /** A group that is not there (yet) has no ports and no networks, so the rule allows nothing. */
  readonly remote:
    | { readonly type: "any" }
    | { readonly type: "cidr"; readonly cidr: string }
    | { readonly type: "group"; readonly securityGroupId: string }
    | { readonly type: "addresses"; readonly addressGroupId: string };
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
  | PortSpec
  | FilterSpec
  | AddressSetSpec;

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

/** What became of a packet. */
export interface Reach {
  readonly reached: boolean;
  /** A sentence: what let it pass or dropped it, in our resources' ids. Names nothing of another VPC. */
  readonly because: string;
}

/** Drives a network backend. */
export interface NetworkDriver {
  /** "ovn", "simulated": what statuses name. */
  readonly name: string;
  /** Whether the backend forgets everything when this process ends: then everything must be ensured again at the start. */
  readonly volatile: boolean;
  /**
   * Makes an object equal to its spec, whatever was there before. What it stands on must be there: a switch and a router port their
   * router, a router port and a port their switch, DHCP its switch, a port its filters.
   *
   * @throws DriverError "missing" if that is not so.
   */
  ensure(object: NetworkObject, signal: AbortSignal): Promise<void>;
  /**
   * Removes an object; succeeds where there is none.
   *
   * @throws DriverError "in_use" while another object stands on it.
   */
  remove(object: NetworkObjectId, signal: AbortSignal): Promise<void>;
  /** Resolves when everything that was ensured or removed before the call is at work on every live host that has a port of the VPC. */
  programmed(vpcId: string, signal: AbortSignal): Promise<void>;
  /** Undefined: there is no such port. */
  portStatus(portId: string, signal: AbortSignal): Promise<PortStatus | undefined>;
  /** Tells what would become of a packet, by the backend's own reckoning. @throws DriverError "missing" if there is no such port. */
  reaches(packet: Packet, signal: AbortSignal): Promise<Reach>;
  /** Everything that carries our mark. */
  inventory(signal: AbortSignal): Promise<readonly NetworkObjectId[]>;
  /** Calls back when a port's status changes. Answers how to stop. */
  onChange(listener: (port: { readonly id: string; readonly owner: string }) => void): () => void;
  close(): Promise<void>;
}
