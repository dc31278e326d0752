// Where a host's Open vSwitch and ovn-controller are found.
export interface ChassisAddress {
  /** The system-id: how OVN knows the host. */
  readonly systemId: string;
  /** Its Open_vSwitch database: "unix:/var/run/openvswitch/db.sock". */
  readonly database: string;
  /** The network namespace of its ovs-vswitchd (`ip netns` name); undefined: the root namespace. */
  readonly namespace: string | undefined;
  /** Where its daemons keep their control sockets and pid files. */
  readonly runDir: string;
  /** ovn-controller's log. */
  readonly controllerLog: string;
}
