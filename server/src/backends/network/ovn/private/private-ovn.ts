// A whole OVN of one's own: databases, northd and one or more hosts, each with its own Open vSwitch in its own network namespace. For
// `photon server --dev`, the demo and tests. Interfaces alone; start.ts makes one.
import type { ChassisAddress } from "../chassis/chassis.ts";

export interface PrivateOvnOptions {
  /** Where databases, logs, sockets and pid files are kept. Unix sockets' paths must stay below 108 bytes: a short one. */
  readonly dir: string;
  /** A few letters that keep its namespaces and devices apart from others': "dev", "t1f3". At most 6. */
  readonly name: string;
  /** How many hosts; default 1. All can be gateways. */
  readonly hosts?: number;
  /** How many Northbound (and Southbound) servers; default 1, or 3 for a RAFT cluster. */
  readonly servers?: 1 | 3;
  /** The wire beyond the cloud: every host gets a bridge mapping `physicalNetwork` to it; its outside end has the address, in a namespace of its own, or where `outside` says. */
  readonly external?: {
    readonly physicalNetwork: string;
    /** With the prefix length: "203.0.113.1/24". */
    readonly address: string;
    /** Its IPv6 address, with the prefix length, where the kernel has IPv6. Default: none. */
    readonly ipv6Address?: string;
    /** "host": the machine itself reaches it. Default "namespace". */
    readonly outside?: "host" | "namespace";
  };
  readonly log?: (message: string) => void;
}

/** A daemon that runs, for those who pull its plug. */
export interface Daemon {
  /** "northbound", "southbound", "northbound-2", "northd", "ovsdb-server@h1", "vswitchd@h1", "controller@h1". */
  readonly name: string;
  /** Undefined while it is down. It is started again by itself. */
  readonly pid: number | undefined;
}

export interface PrivateOvn {
  /** For the driver: "unix:…" or, of a cluster, three. */
  readonly northbound: string;
  readonly southbound: string;
  readonly hosts: readonly ChassisAddress[];
  /** The namespace of the outside; undefined where it is the machine's own. */
  readonly outside: string | undefined;
  daemons(): readonly Daemon[];
  /** Ends every daemon and takes every namespace and device away. */
  stop(): Promise<void>;
}
