// Flow logs of the hosts behind agents: their lines come over the channels, and are kept as those of this machine's own.
import { type FlowSink, startFlowCollector } from "./agent/flows/collector.ts";
import type { RemoteTail } from "./backends/hypervisor/remote/flow-tail.ts";
import type { TlsFiles } from "./backends/network/ovn/ovsdb/database.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./rpc/index.ts";

export interface HostFlowsOptions {
  /** OVN's, which says what the lines are about. */
  readonly northbound: string;
  readonly tls?: TlsFiles;
  /** Where records are kept. */
  readonly sink: FlowSink;
}

/** Follows each host as long as its channel is open. */
export class FlowsOfHosts {
  readonly #options: HostFlowsOptions & { readonly clock: Clock; readonly log: Log };
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: HostFlowsOptions & { readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
  }

  follow(hostId: string, tail: RemoteTail): void {
    const running = this.#follow(hostId, tail).catch((err: unknown) => {
      if (!this.#stopping.signal.aborted)
        this.#options.log.error({ err, host: hostId }, "the flows of a host can't be followed");
    });
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #follow(hostId: string, tail: RemoteTail): Promise<void> {
    const { signal } = this.#stopping;
    const host = { systemId: hostId, controllerLog: "" };
    const collector = await startFlowCollector({ ...this.#options, host, tail }, signal);
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([collector.done, stopped.promise]);
    await collector.stop();
  }
}
