// Picks the drivers: for each role the best one that works here, and says why.
import { join, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Drivers } from "./drivers.ts";
import { type Ending, endMachines } from "./hypervisor/end-machines.ts";
import { type HypervisorChoice, type HypervisorPick, pickHypervisor, type RealHypervisor } from "./hypervisor/pick.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./hypervisor/simulated/index.ts";
import { StandIns } from "./hypervisor/simulated/stand-ins.ts";
import { openHostNetwork } from "./network/ovn/chassis/open-vswitch.ts";
import { type NetworkChoice, type NetworkPick, pickNetwork, type RealNetwork } from "./network/pick.ts";
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
  /** Undefined: machines are simulated. */
  readonly hypervisor: RealHypervisor | undefined;
  /** Closes the drivers, and ends what was started for them. @param ending told of each machine that ends with it. */
  release(ending?: Ending): Promise<void>;
}

export type SimulatedDrivers = { readonly network: SimulatedNetwork; readonly hypervisor: SimulatedHypervisor };

interface SimulatedTerms extends Partial<NonNullable<HypervisorChoice["moves"]>> {
  readonly clock?: Clock;
}

/** Simulated drivers that know each other: a machine that starts plugs its devices into the network's ports. */
export function simulatedDrivers(options: SimulatedTerms = {}): SimulatedDrivers {
  const network = simulatedNetwork(options);
  return { network, hypervisor: simulatedHypervisor({ ...options, plug: (id, up) => network.plug(id, up) }) };
}

/** What is used where nothing was detected: by tests, and where somebody brings drivers. */
export function given(drivers: Drivers): Detected {
  return { drivers, picks: [], network: undefined, hypervisor: undefined, release: () => close(drivers) };
}

/** What there is to choose from. */
export interface DriverChoice {
  readonly network: NetworkChoice;
  readonly hypervisor: HypervisorChoice;
}

/**
 * Picks drivers by what this machine has and what was asked for.
 *
 * @throws ConfigError if what was insisted on can't be had.
 */
export async function detectDrivers(choice: DriverChoice): Promise<Detected> {
  const network = await pickNetwork(choice.network);
  try {
    const hypervisor = await pickHypervisor(choice.hypervisor, network.real);
    return detected(choice, network, hypervisor);
  } catch (error) {
    await network.real?.driver.close();
    await network.real?.stop();
    throw error;
  }
}

function detected(choice: DriverChoice, network: NetworkPick, hypervisor: HypervisorPick): Detected {
  const drivers = driversOf(choice, network.real, hypervisor.real);
  const picks: Pick[] = [
    { role: "network", driver: drivers.network.name, why: network.why },
    {
      role: "hypervisor",
      driver: drivers.hypervisor.name,
      why: `${hypervisor.why}${standInsWhy(network, hypervisor)}`,
    },
  ];
  const { clock } = choice.network;
  const release = async (ending?: Ending) => {
    const terms = { ...(clock && { clock }), ...(ending && { ending }) };
    if (hypervisor.real !== undefined && network.real?.own) await endMachines(drivers.hypervisor, terms);
    await close(drivers);
    await hypervisor.real?.stop();
    await network.real?.stop();
  };
  return { drivers, picks, network: network.real, hypervisor: hypervisor.real, release };
}

function driversOf(
  { network: choice, hypervisor: { moves } }: DriverChoice,
  network: RealNetwork | undefined,
  hypervisor: RealHypervisor | undefined,
): Drivers {
  const { clock } = choice;
  const terms = { ...(clock && { clock }), ...moves };
  if (network === undefined) return simulatedDrivers(terms);
  return { network: network.driver, hypervisor: hypervisor?.driver ?? standing(choice, terms, network) };
}

function standInsWhy({ real: network }: NetworkPick, { real: hypervisor }: HypervisorPick): string {
  if (hypervisor !== undefined || network === undefined || network.hosts.length === 0) return "";
  return "; in its place a network namespace answers pings, and says its name on port 80";
}

async function close({ network, hypervisor }: Drivers): Promise<void> {
  await Promise.all([network.close(), hypervisor.close()]);
}

/** Simulated machines, in whose place something answers on this machine's host. */
function standing({ dataDir, log }: NetworkChoice, terms: SimulatedTerms, { hosts }: RealNetwork): SimulatedHypervisor {
  const [host] = hosts;
  if (host === undefined) return simulatedHypervisor(terms);
  const openHost = (signal: AbortSignal) => openHostNetwork(host, { log, signal });
  return simulatedHypervisor({
    ...terms,
    standIns: new StandIns({ openHost, dir: join(resolve(dataDir), "machines"), log }),
  });
}

/** Whether everything must be looked at at every start: a backend forgets it when this process ends, or machines may have ended unseen. */
export function forgetsAtExit({ drivers, hypervisor }: Detected): boolean {
  if (hypervisor !== undefined) return true;
  return drivers.hypervisor.volatile || drivers.network.volatile;
}
