// The network's agent on a host: answers names and metadata in every subnet that has a port there. It follows the Southbound for which those
// are, and asks the directory for what is answered.
import { randomBytes } from "node:crypto";
import { removeNamespace } from "../backends/linux/namespaces.ts";
import type { HostNetwork } from "../backends/network/host-network.ts";
import type { ChassisAddress } from "../backends/network/ovn/chassis/chassis.ts";
import { openHostNetwork } from "../backends/network/ovn/chassis/open-vswitch.ts";
import { openDatabase } from "../backends/network/ovn/ovsdb/client.ts";
import type { Database, TlsFiles } from "../backends/network/ovn/ovsdb/database.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Directory } from "./directory.ts";
import { RateLimit } from "./limits.ts";
import type { AgentLog } from "./log.ts";
import { SessionTokens } from "./metadata/token.ts";
import { createForwarder, type Forwarder } from "./names/forwarder.ts";
import { upstreamsOf } from "./names/upstreams.ts";
import { ServiceKeeper } from "./subnet/keeper.ts";
import { servedSubnets, watched } from "./subnet/served-subnet.ts";
import { namesOf, serviceNamespaces } from "./subnet/service-namespace.ts";
import { type ServiceParts, startSubnetService } from "./subnet/subnet-service.ts";

export interface NetworkAgentOptions {
  readonly host: ChassisAddress;
  /** The database's remote: "unix:/run/ovn/ovnsb_db.sock". */
  readonly southbound: string;
  readonly tls?: TlsFiles;
  readonly directory: Directory;
  /** What other names are asked of: "192.0.2.53", "192.0.2.53:5353". Default: the servers of the host's /etc/resolv.conf. */
  readonly upstreamDns?: readonly string[];
  readonly log: AgentLog;
  readonly clock?: Clock;
}

export interface NetworkAgent {
  /** Takes everything away that it made on the host. */
  stop(): Promise<void>;
}

/** How often one guest may ask, and how much at once: a page of a browser asks for dozens of names; a boot reads some fifty facts. */
const nameRate = { perSecond: 100, burst: 1_000 };
const metadataRate = { perSecond: 50, burst: 300 };
/** How long after a change of the Southbound the next is waited for, so that many make one; milliseconds. */
const gatherMs = 20;
/** How often it is looked whether all devices are still plugged in, in milliseconds. */
const lookMs = 5_000;

/** Starts the agent of a host: one for each. @throws OvsdbError "closed" if the signal aborts before both databases answer. */
export async function startNetworkAgent(options: NetworkAgentOptions, signal?: AbortSignal): Promise<NetworkAgent> {
  const hostNetwork = await openHostNetwork(options.host, { log: logTo(options), ...(signal && { signal }) });
  try {
    const southbound = await openSouthbound(options, signal);
    return new Agent(options, hostNetwork, southbound);
  } catch (error) {
    await hostNetwork.close();
    throw error;
  }
}

function openSouthbound(options: NetworkAgentOptions, signal: AbortSignal | undefined): Promise<Database> {
  const { southbound: remote, tls } = options;
  const database = { remote, database: "OVN_Southbound", monitor: watched, leaderOnly: false, log: logTo(options) };
  return openDatabase({ ...database, ...(tls && { tls }) }, signal);
}

function logTo({ log, host }: NetworkAgentOptions): (message: string, error?: unknown) => void {
  return (message, err) => log.info({ err, host: host.systemId }, message);
}

class Agent implements NetworkAgent {
  readonly #options: NetworkAgentOptions;
  readonly #clock: Clock;
  readonly #hostNetwork: HostNetwork;
  readonly #southbound: Database;
  readonly #forwarder: Forwarder;
  readonly #keeper: ServiceKeeper;
  readonly #stopping = new AbortController();
  readonly #loops: readonly Promise<void>[];
  #changed = Promise.withResolvers<void>();

  constructor(options: NetworkAgentOptions, hostNetwork: HostNetwork, southbound: Database) {
    const { clock = systemClock, log, upstreamDns } = options;
    this.#options = options;
    this.#clock = clock;
    this.#hostNetwork = hostNetwork;
    this.#southbound = southbound;
    this.#forwarder = createForwarder(upstreamsOf(upstreamDns, clock));
    const parts = this.#serviceParts();
    this.#keeper = new ServiceKeeper({
      clock,
      log,
      start: (subnet, signal) => startSubnetService(subnet, parts, signal),
    });
    southbound.onChange(() => this.#changed.resolve());
    this.#loops = [this.#follow(), this.#watchDevices()];
  }

  #serviceParts(): ServiceParts {
    const { directory, log } = this.#options;
    const clock = this.#clock;
    return {
      hostNetwork: this.#hostNetwork,
      directory,
      log,
      forwarder: this.#forwarder,
      tokens: new SessionTokens(randomBytes(32), clock),
      nameRate: new RateLimit({ ...nameRate, clock }),
      metadataRate: new RateLimit({ ...metadataRate, clock }),
    };
  }

  /** Serves what the Southbound says, as it changes. */
  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    await this.#removeStale().catch((err: unknown) => {
      this.#options.log.warn({ err }, "what an earlier agent left could not be taken away");
    });
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers();
      this.#keeper.want(servedSubnets(this.#southbound, this.#options.host.systemId));
      await this.#changed.promise;
      await this.#clock.sleep(gatherMs, signal);
    }
  }

  /** Takes away what an agent that was killed left; what is wanted still is made anew by its service. */
  async #removeStale(): Promise<void> {
    const { namespace } = this.#hostNetwork;
    const wanted = servedSubnets(this.#southbound, this.#options.host.systemId);
    const known = new Set([...wanted.keys()].map((id) => namesOf(namespace, id).namespace));
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(lookMs)]);
    const devices = new Set([...wanted.keys()].map((id) => namesOf(namespace, id).device));
    for (const { name, portId } of await this.#hostNetwork.plugged(signal))
      if (portId.startsWith("svc-") && !devices.has(name)) await this.#hostNetwork.unplug(name, signal);
    for (const name of await serviceNamespaces(namespace)) if (!known.has(name)) await removeNamespace(name);
  }

  /** Makes anew what lost its device. */
  async #watchDevices(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#clock.sleep(lookMs, signal);
      if (signal.aborted) return;
      const plugged = await this.#hostNetwork.plugged(signal).catch(() => undefined);
      const devices = new Set(plugged?.map(({ name }) => name));
      const lost = this.#keeper.running().filter(({ device }) => plugged !== undefined && !devices.has(device));
      for (const service of lost) this.#keeper.renew(service);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#changed.resolve();
    await Promise.all(this.#loops);
    this.#forwarder.stop();
    await this.#keeper.stop();
    await this.#southbound.close();
    await this.#hostNetwork.close();
  }
}
