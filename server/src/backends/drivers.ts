// Every driver that the steps may use, by role. Drivers take plain values, never protobuf messages.
import type { HypervisorDriver } from "./hypervisor/driver.ts";
import type { Places } from "./hypervisor/places.ts";
import type { NetworkDriver } from "./network/driver.ts";

export interface Drivers {
  readonly network: NetworkDriver;
  readonly hypervisor: HypervisorDriver;
  /** Undefined: there is one host alone, and nothing to choose. */
  readonly places?: Places;
}
