// Picks the drivers: for each role the best one that works here, and says why.
import type { Clock } from "../clock.ts";
import type { Drivers } from "./drivers.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./hypervisor/simulated/index.ts";
import { type SimulatedNetwork, simulatedNetwork } from "./network/simulated/index.ts";

/** What was picked for a role. */
export interface Pick {
  readonly role: keyof Drivers;
  /** The driver's name: "simulated". */
  readonly driver: string;
  /** A sentence for the operator. */
  readonly why: string;
}

export interface Detected {
  readonly drivers: Drivers;
  readonly picks: readonly Pick[];
}

export type SimulatedDrivers = { readonly network: SimulatedNetwork; readonly hypervisor: SimulatedHypervisor };

/** Simulated drivers that know each other: a machine that starts plugs its devices into the network's ports. */
export function simulatedDrivers(options: { readonly clock?: Clock } = {}): SimulatedDrivers {
  const network = simulatedNetwork(options);
  return { network, hypervisor: simulatedHypervisor({ ...options, plug: (id, up) => network.plug(id, up) }) };
}

/** Picks drivers by what this machine has. */
export async function detectDrivers(options: { readonly clock?: Clock } = {}): Promise<Detected> {
  const why = {
    network: "this version has no other network driver yet: networks are kept in memory, no packets move",
    hypervisor: "this version has no other hypervisor driver yet: machines are kept in memory, no guest runs",
  };
  const drivers = simulatedDrivers(options);
  const pick = (role: keyof Drivers): Pick => ({ role, driver: drivers[role].name, why: why[role] });
  return { drivers, picks: [pick("network"), pick("hypervisor")] };
}

/** Whether something must be ensured again at every start, since a backend forgets it when this process ends. */
export function forgetsAtExit(drivers: Drivers): boolean {
  return Object.values(drivers).some((driver: Drivers[keyof Drivers]) => driver.volatile);
}
