// What a host's own network does for the machines on it: joins their devices to ports. The cloud-wide part is the NetworkDriver.

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
  close(): Promise<void>;
}
