// What the agent must know of the cloud to answer guests. The interface alone; the server answers it from its store
// (services/prismnet/directory.ts). Every question says where it comes from, and is answered from there alone.

/** Where a guest asks from: a subnet, with its tenant and VPC, as the network's own marks have them. */
export interface Place {
  readonly org: string;
  readonly project: string;
  readonly vpcId: string;
  readonly subnetId: string;
}

/** A machine's or a port's name: {label}.{project}.{org}.cloud.internal. */
export interface GuestName {
  readonly label: string;
  readonly project: string;
  readonly org: string;
}

/** Who asks: known by its address in the subnet, or by its MAC where its address is link-local. */
export type Caller = { readonly address: string } | { readonly macAddress: string };

/** One port of a guest. */
export interface GuestPort {
  readonly id: string;
  readonly name: string;
  readonly macAddress: string;
  readonly ipAddress: string;
  readonly ipv6Address: string | undefined;
  /** The elastic IP that leads to it. */
  readonly publicAddress: string | undefined;
  readonly securityGroups: readonly { readonly id: string; readonly name: string }[];
  readonly subnetId: string;
  readonly subnetCidrs: readonly string[];
  readonly vpcId: string;
  readonly vpcCidrs: readonly string[];
}

/** The machine that a port is plugged into. */
export interface GuestMachine {
  readonly id: string;
  readonly name: string;
  readonly imageId: string | undefined;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: string | undefined;
  /** OpenSSH public keys. */
  readonly sshKeys: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** All of its ports, the main one first. */
  readonly ports: readonly GuestPort[];
}

/** A guest and what it may know of itself. */
export interface GuestFacts {
  readonly org: string;
  readonly project: string;
  /** The port that the question came through. */
  readonly port: GuestPort;
  /** Undefined: no machine of the cloud's is plugged in. */
  readonly machine: GuestMachine | undefined;
}

export interface Directory {
  /** A name's addresses, of both families, in the place's VPC and those that it is linked with. Undefined: there is no such name there. */
  addresses(place: Place, name: GuestName): Promise<readonly string[] | undefined>;
  /** The name of an address in those VPCs. */
  nameOf(place: Place, address: string): Promise<GuestName | undefined>;
  /** The networks of those VPCs: "10.0.0.0/16". */
  networks(place: Place): Promise<readonly string[]>;
  /** The guest that asks from the subnet. */
  guest(place: Place, caller: Caller): Promise<GuestFacts | undefined>;
}
