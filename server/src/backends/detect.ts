// Picks the drivers: for each role the best one that works here, and says why.
import { join, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Drivers } from "./drivers.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./hypervisor/simulated/index.ts";
import { StandIns } from "./hypervisor/simulated/stand-ins.ts";
import { openHostNetwork } from "./network/ovn/chassis/open-vswitch.ts";
import { type NetworkChoice, pickNetwork, type RealNetwork } from "./network/pick.ts";
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
  /** Where agents must run; undefined: packets are simulated. */
  readonly network: RealNetwork | undefined;
  /** Ends what was started for the drivers, after they are closed. */
  stop(): Promise<void>;
}

export type SimulatedDrivers = { readonly network: SimulatedNetwork; readonly hypervisor: SimulatedHypervisor };

/** Simulated drivers that know each other: a machine that starts plugs its devices into the network's ports. */
export function simulatedDrivers(options: { readonly clock?: Clock } = {}): SimulatedDrivers {
  const network = simulatedNetwork(options);
  return { network, hypervisor: simulatedHypervisor({ ...options, plug: (id, up) => network.plug(id, up) }) };
}

/** What is used where nothing was detected: by tests, and where somebody brings drivers. */
export function given(drivers: Drivers): Detected {
  return { drivers, picks: [], network: undefined, stop: async () => {} };
}

/**
 * Picks drivers by what this machine has and what was asked for.
 *
 * @throws ConfigError if what was insisted on can't be had.
 */
export async function detectDrivers(choice: NetworkChoice): Promise<Detected> {
  const { real, why } = await pickNetwork(choice);
  const drivers =
    real === undefined ? simulatedDrivers(choice) : { network: real.driver, hypervisor: standing(choice, real) };
  const picks: Pick[] = [
    { role: "network", driver: drivers.network.name, why },
    { role: "hypervisor", driver: drivers.hypervisor.name, why: hypervisorWhy(real) },
  ];
  return { drivers, picks, network: real, stop: async () => real?.stop() };
}

function hypervisorWhy(real: RealNetwork | undefined): string {
  const none = "this version has no other hypervisor driver yet";
  if (real === undefined) return `${none}: machines are kept in memory, no guest runs`;
  if (real.hosts.length === 0) return `${none}: no guest runs, and this machine is no host of the network`;
  return `${none}: no guest runs; in its place a network namespace answers pings, and says its name on port 80`;
}

/** Simulated machines, in whose place something answers on this machine's host. */
function standing({ clock, dataDir, log }: NetworkChoice, { hosts }: RealNetwork): SimulatedHypervisor {
  const [host] = hosts;
  const options = clock === undefined ? {} : { clock };
  if (host === undefined) return simulatedHypervisor(options);
  const openHost = (signal: AbortSignal) => openHostNetwork(host, { log, signal });
  return simulatedHypervisor({
    ...options,
    standIns: new StandIns({ openHost, dir: join(resolve(dataDir), "machines"), log }),
  });
}

/** Whether something must be ensured again at every start, since a backend forgets it when this process ends. */
export function forgetsAtExit(drivers: Drivers): boolean {
  return Object.values(drivers).some((driver: Drivers[keyof Drivers]) => driver.volatile);
}
