// What a host's own network does for the machines on it: joins their devices to ports. The cloud-wide part is the NetworkDriver.

/** One end of a connection. */
export interface ConnectionEnd {
  readonly address: string;
  readonly port: number;
}

/** A connection that a port's rules let through, and its answers with it: who began it, and with whom. */
export interface Connection {
  readonly protocol: "tcp" | "udp";
  readonly from: ConnectionEnd;
  readonly to: ConnectionEnd;
}

/** The host's end of the network. */
export interface HostNetwork {
  /** The host, as the network backend knows it. */
  readonly hostId: string;
  /** The network namespace in which devices must be made before they are plugged (`ip netns` name); undefined: the root namespace. */
  readonly namespace: string | undefined;
  /** Joins a device (a tap, one end of a veth pair) to a port. Again: changes nothing. @throws DriverError "unavailable" */
  plug(device: { readonly name: string; readonly portId: string }, signal: AbortSignal): Promise<void>;
  /** Takes a device off; succeeds where it is not there. */
  unplug(deviceName: string, signal: AbortSignal): Promise<void>;
  /** Which devices are plugged, by port. */
  plugged(signal: AbortSignal): Promise<readonly { readonly name: string; readonly portId: string }[]>;
  /**
   * What is known here of a port's connections, as many as a move takes along. It is forgotten when the port's device is taken off. None where it can't
   * be read, which is logged.
   */
  connections(portId: string, signal: AbortSignal): Promise<readonly Connection[]>;
  /**
   * Lets a port's connections go on that began where it was before: without it, of a connection that its guest began nothing comes in until the guest
   * sends something. It waits for the port to be this host's. Resolves when that is done, is not wanted any more, or can't be, which is logged.
   */
  adopt(portId: string, connections: readonly Connection[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
