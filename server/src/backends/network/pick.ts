// Picks the network: the OVN that is named, one of our own, or a simulation; and says why.
import { resolve } from "node:path";
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../config-error.ts";
import type { NetworkDriver } from "./driver.ts";
import { lateNetwork } from "./late.ts";
import type { ChassisAddress } from "./ovn/chassis/chassis.ts";
import { localChassis } from "./ovn/chassis/local.ts";
import { openOvnNetwork } from "./ovn/driver.ts";
import type { TlsFiles } from "./ovn/ovsdb/database.ts";
import { contextOf } from "./ovn/ovsdb/tls.ts";
import { startDevOvn } from "./ovn/private/dev-ovn.ts";
import { howToGetOvn, ovnMissing } from "./ovn/private/missing.ts";
import type { OutsideChoice } from "./ovn/private/outside.ts";

export interface NetworkChoice {
  readonly dev: boolean;
  readonly dataDir: string;
  readonly driver: "auto" | "ovn" | "simulated";
  /** An OVN that somebody else runs. */
  readonly ovn: OvnRemotes | undefined;
  /** Of one of our own. */
  readonly outside: OutsideChoice;
  readonly clock?: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

interface OvnRemotes {
  readonly northbound: string;
  readonly southbound: string;
  readonly tls?: TlsFiles;
}

/** A network that carries packets. */
export interface RealNetwork {
  readonly driver: NetworkDriver;
  readonly northbound: string;
  readonly southbound: string;
  readonly tls?: TlsFiles;
  /** Those of its hosts that are this machine. */
  readonly hosts: readonly ChassisAddress[];
  /** It is all ours, and has a wire called "external". */
  readonly own: boolean;
  /** After the driver and the agents are closed. */
  stop(): Promise<void>;
}

export interface NetworkPick {
  /** Undefined: a simulation it is. */
  readonly real: RealNetwork | undefined;
  /** A sentence for the operator. */
  readonly why: string;
}

/** @throws ConfigError if OVN was insisted on and can't be started here. */
export async function pickNetwork(choice: NetworkChoice): Promise<NetworkPick> {
  const { driver, dev, ovn } = choice;
  if (driver === "simulated") return simulated("it was asked for");
  if (ovn !== undefined)
    return { real: await named(choice, ovn), why: `packets move; the Northbound is ${ovn.northbound}` };
  if (!dev) return simulated("no --ovn-northbound was given");
  const missing = ovnMissing();
  if (missing === undefined) return ownOr(choice);
  if (driver === "ovn") throw new ConfigError(`network ovn can't be had here: ${missing}; get it with: ${howToGetOvn}`);
  return simulated(`${missing}; for a real network: ${howToGetOvn}`);
}

function simulated(why: string): NetworkPick {
  return { real: undefined, why: `networks are kept in memory, no packets move: ${why}` };
}

/** The server runs even while it does not answer. @throws ConfigError if a file of its certificates is of no use */
async function named({ clock, log }: NetworkChoice, ovn: OvnRemotes): Promise<RealNetwork> {
  if (ovn.tls !== undefined) await checkTls(ovn.tls);
  const options = { ...ovn, log, ...(clock && { clock }) };
  const host = await localChassis();
  return {
    driver: lateNetwork("ovn", (signal) => openOvnNetwork(options, signal)),
    northbound: ovn.northbound,
    southbound: ovn.southbound,
    ...(ovn.tls && { tls: ovn.tls }),
    hosts: host === undefined ? [] : [host],
    own: false,
    stop: async () => {},
  };
}

async function checkTls(tls: TlsFiles): Promise<void> {
  try {
    await contextOf(tls);
  } catch (error) {
    throw new ConfigError(wordsOf(error));
  }
}

async function ownOr(choice: NetworkChoice): Promise<NetworkPick> {
  try {
    const { where, ...real } = await own(choice);
    const outside = `its outside, ${choice.outside.cidr} and 2001:db8:113::/64, is ${where}`;
    const told = "network.json in the data folder tells where everything is";
    return { real, why: `packets move, through a private OVN on this machine; ${outside}; ${told}` };
  } catch (error) {
    if (choice.driver === "ovn") throw new ConfigError(`network ovn could not be started: ${wordsOf(error)}`);
    choice.log("the private OVN could not be started", error);
    return simulated(`OVN is installed, but could not be started: ${wordsOf(error)}`);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function own({ clock, log, dataDir, outside }: NetworkChoice): Promise<RealNetwork & { readonly where: string }> {
  const ovn = await startDevOvn({ dataDir: resolve(dataDir), outside, log });
  const { northbound, southbound, hosts, where, stop } = ovn;
  const options = { northbound, southbound, log, ...(clock && { clock }) };
  const driver = lateNetwork("ovn", (signal) => openOvnNetwork(options, signal));
  return { driver, northbound, southbound, hosts, own: true, where, stop };
}
