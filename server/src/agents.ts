// The agents of those of the network's hosts that are this machine: they run in the server's process.
import { type NetworkAgent, startNetworkAgent } from "./agent/network-agent.ts";
import type { RealNetwork } from "./backends/network/pick.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./rpc/index.ts";
import { createDirectory } from "./services/prismnet/directory.ts";
import type { Store } from "./store/store.ts";

export interface AgentsOptions {
  /** Undefined: packets are simulated, and nobody asks an agent. */
  readonly network: RealNetwork | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts them as soon as their host answers; does not wait for it. Answers how to stop. */
export function startAgents({ network, store, clock, log }: AgentsOptions): () => Promise<void> {
  const stopping = new AbortController();
  const directory = createDirectory({ store, clock });
  const agents = (network?.hosts ?? []).map((host) => {
    const { southbound, tls } = network ?? { southbound: "" };
    const options = { host, southbound, ...(tls && { tls }), directory, log, clock };
    return startNetworkAgent(options, stopping.signal).catch((err: unknown): undefined => {
      if (!stopping.signal.aborted) log.error({ err, host: host.systemId }, "the host's agent could not be started");
    });
  });
  return async () => {
    stopping.abort();
    await Promise.all(agents.map(async (agent) => stop(await agent)));
  };
}

async function stop(agent: NetworkAgent | undefined): Promise<void> {
  await agent?.stop();
}
