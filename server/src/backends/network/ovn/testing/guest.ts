// A guest without a machine: a network namespace that is plugged into a port. Interfaces alone; namespace-guest.ts makes one.

/** How a program in a guest ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Guest {
  /** Its namespace (`ip netns` name). */
  readonly namespace: string;
  /** Runs a program in it, at most `timeoutMs` (default 10 s). */
  run(program: string, ...args: readonly string[]): Promise<Ran>;
  /** Asks for its addresses by DHCP (udhcpc) and takes what it gets: address, mask, routes, MTU. Answers what was offered, by option name. Fails without an offer. */
  dhcp(): Promise<Readonly<Record<string, string>>>;
  /** Sets addresses ("10.0.1.10/24") and a default route by hand. */
  configure(options: { readonly addresses: readonly string[]; readonly gateways?: readonly string[] }): Promise<void>;
  /** Whether an address answers a ping (3 tries of a second). */
  pings(address: string): Promise<boolean>;
  /** Serves TCP on a port: says `greeting` to whoever connects ("{source}" in it is the address that they seem to have), and echoes. Answers how to stop. */
  serveTcp(port: number, greeting?: string): Promise<() => Promise<void>>;
  /** What a TCP server greets with; undefined: no connection within a second, and again after two tries. */
  connects(address: string, port: number): Promise<string | undefined>;
  /** Answers UDP datagrams with themselves. */
  serveUdp(port: number): Promise<() => Promise<void>>;
  /** Whether a UDP datagram comes back; `fromPort` sets the source port. */
  echoes(
    address: string,
    port: number,
    options?: { readonly fromPort?: number; readonly bytes?: number },
  ): Promise<boolean>;
  /** Pulls it out and takes the namespace away. */
  remove(): Promise<void>;
}
