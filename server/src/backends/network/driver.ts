// The network role: isolated routers, switches and ports with packet filters. Every `ensure…` makes the backend equal to its argument,
// whatever was there before; every `remove…` succeeds where there is nothing. Ids are our resources' ids; the driver derives names from them.

export interface RouterSpec {
  readonly vpcId: string;
  /** {org}/{project}, told to the backend as the owner. */
  readonly owner: string;
  readonly cidr: string;
}

export interface SwitchSpec {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly cidr: string;
}

export interface RouterPortSpec {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly gateway: string;
  readonly prefixLength: number;
}

export interface DhcpSpec {
  readonly subnetId: string;
  readonly cidr: string;
  readonly gateway: string;
  readonly dnsServers: readonly string[];
}

export interface PortSpec {
  readonly portId: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly owner: string;
  readonly macAddress: string;
  readonly ipAddress: string;
  readonly securityGroupIds: readonly string[];
}

export interface FilterRule {
  readonly name: string;
  readonly direction: "ingress" | "egress";
  readonly protocol: "any" | "tcp" | "udp" | "icmp";
  /** First and last port, for TCP and UDP. */
  readonly ports?: { readonly first: number; readonly last: number };
  readonly remote:
    | { readonly type: "any" }
    | { readonly type: "cidr"; readonly cidr: string }
    | { readonly type: "group"; readonly securityGroupId: string };
}

export interface FilterSpec {
  readonly securityGroupId: string;
  readonly owner: string;
  readonly rules: readonly FilterRule[];
}

/** A port as the backend sees it. */
export interface PortStatus {
  /** Whether a device is plugged in and its flows are programmed. */
  readonly up: boolean;
}

/** An object that the backend holds under our mark, for resync and leak checks. */
export interface NetworkObject {
  readonly type: "router" | "switch" | "router-port" | "dhcp" | "port" | "filter";
  readonly id: string;
}

/** Drives a network backend. */
export interface NetworkDriver {
  /** "ovn", "simulated": what statuses name. */
  readonly name: string;
  ensureRouter(spec: RouterSpec, signal: AbortSignal): Promise<void>;
  removeRouter(vpcId: string, signal: AbortSignal): Promise<void>;
  ensureSwitch(spec: SwitchSpec, signal: AbortSignal): Promise<void>;
  removeSwitch(subnetId: string, signal: AbortSignal): Promise<void>;
  ensureRouterPort(spec: RouterPortSpec, signal: AbortSignal): Promise<void>;
  removeRouterPort(subnetId: string, signal: AbortSignal): Promise<void>;
  ensureDhcp(spec: DhcpSpec, signal: AbortSignal): Promise<void>;
  removeDhcp(subnetId: string, signal: AbortSignal): Promise<void>;
  ensurePort(spec: PortSpec, signal: AbortSignal): Promise<void>;
  removePort(portId: string, signal: AbortSignal): Promise<void>;
  portStatus(portId: string, signal: AbortSignal): Promise<PortStatus | undefined>;
  ensureFilter(spec: FilterSpec, signal: AbortSignal): Promise<void>;
  removeFilter(securityGroupId: string, signal: AbortSignal): Promise<void>;
  /** Everything that carries our mark. */
  inventory(signal: AbortSignal): Promise<readonly NetworkObject[]>;
  close(): Promise<void>;
}
