// A host's end of the network that has not answered yet: what needs it waits for a while, and is tried again later.
import { DriverError } from "../driver-error.ts";
import type { Connection, HostNetwork } from "./host-network.ts";

/** How long a call waits for the host's Open vSwitch. Milliseconds. */
const patienceMs = 5_000;

export interface LateHostOptions {
  readonly hostId: string;
  readonly namespace: string | undefined;
  /** Resolves when the host answers. */
  readonly open: (signal: AbortSignal) => Promise<HostNetwork>;
}

/** Stands in for a host's network while it is being opened, and after. */
export function lateHostNetwork(options: LateHostOptions): HostNetwork {
  return new LateHost(options);
}

class LateHost implements HostNetwork {
  readonly hostId: string;
  readonly namespace: string | undefined;
  readonly #closing = new AbortController();
  readonly #opening: Promise<HostNetwork>;

  constructor({ hostId, namespace, open }: LateHostOptions) {
    this.hostId = hostId;
    this.namespace = namespace;
    this.#opening = open(this.#closing.signal);
    // Each call tells its own caller.
    this.#opening.catch(() => {});
  }

  async plug(device: { readonly name: string; readonly portId: string }, signal: AbortSignal): Promise<void> {
    await (await this.#ready(signal)).plug(device, signal);
  }

  async unplug(deviceName: string, signal: AbortSignal): Promise<void> {
    await (await this.#ready(signal)).unplug(deviceName, signal);
  }

  async plugged(signal: AbortSignal): Promise<readonly { readonly name: string; readonly portId: string }[]> {
    return (await this.#ready(signal)).plugged(signal);
  }

  async connections(portId: string, signal: AbortSignal): Promise<readonly Connection[]> {
    return (await this.#ready(signal)).connections(portId, signal);
  }

  async adopt(portId: string, connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    await (await this.#ready(signal)).adopt(portId, connections, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening.then(
      (host) => host.close(),
      () => {},
    );
  }

  async #ready(signal: AbortSignal): Promise<HostNetwork> {
    signal.throwIfAborted();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const late = new Promise<never>((_, reject) => {
      const give = () => reject(new DriverError("unavailable", `the network of host ${this.hostId} does not answer`));
      limit.addEventListener("abort", give, { once: true });
    });
    return Promise.race([this.#opening, late]);
  }
}
