// The agents of those of the network's hosts that are this machine: they run in the server's process.
import { startFlowCollector } from "./agent/flows/collector.ts";
import type { FlowStore } from "./agent/flows/flow-store.ts";
import { startNetworkAgent } from "./agent/network-agent.ts";
import type { RealNetwork } from "./backends/network/pick.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./rpc/index.ts";
import { createDirectory } from "./services/prismnet/directory.ts";
import type { Store } from "./store/store.ts";

export interface AgentsOptions {
  /** Undefined: packets are simulated, and nobody asks an agent. */
  readonly network: RealNetwork | undefined;
  readonly store: Store;
  /** Where the hosts' flows are kept. */
  readonly flows: FlowStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Something that runs on a host. */
interface OnHost {
  stop(): Promise<void>;
}

/** Starts them as soon as their host answers; does not wait for it. Answers how to stop. */
export function startAgents({ network, store, flows, clock, log }: AgentsOptions): () => Promise<void> {
  const stopping = new AbortController();
  const directory = createDirectory({ store, clock });
  const begun = (what: string, systemId: string, starting: Promise<OnHost>) =>
    starting.catch((err: unknown): undefined => {
      if (!stopping.signal.aborted) log.error({ err, host: systemId }, `the host's ${what} could not be started`);
    });
  const all = (network?.hosts ?? []).flatMap((host) => {
    const { northbound, southbound, tls } = network ?? { northbound: "", southbound: "" };
    const common = { host, log, clock, ...(tls && { tls }) };
    const agent = startNetworkAgent({ ...common, southbound, directory }, stopping.signal);
    const collector = startFlowCollector({ ...common, northbound, sink: flows }, stopping.signal);
    return [begun("agent", host.systemId, agent), begun("flow collector", host.systemId, collector)];
  });
  return async () => {
    stopping.abort();
    await Promise.all(all.map(async (one) => (await one)?.stop()));
  };
}
