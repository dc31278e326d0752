// A network driver whose backend has not answered yet: the server runs all the same, and what needs the network is tried again later.
import { DriverError } from "../driver-error.ts";
import { Listeners } from "../listeners.ts";
import type {
  Audit,
  NetworkChange,
  NetworkDriver,
  NetworkObject,
  NetworkObjectId,
  Packet,
  PortStatus,
  Reach,
} from "./driver.ts";

/** How long a call waits for the backend before it says that it does not answer. Milliseconds. */
const patienceMs = 2_000;

/** A driver that stands in for one that is being opened. It is not `volatile`. */
export function lateNetwork(name: string, opening: (signal: AbortSignal) => Promise<NetworkDriver>): NetworkDriver {
  return new LateNetwork(name, opening);
}

class LateNetwork implements NetworkDriver {
  readonly name: string;
  readonly volatile = false;
  readonly #changes = new Listeners<NetworkChange>();
  readonly #resets = new Listeners<void>();
  readonly #closing = new AbortController();
  readonly #opening: Promise<NetworkDriver>;
  #driver: NetworkDriver | undefined;

  constructor(name: string, opening: (signal: AbortSignal) => Promise<NetworkDriver>) {
    this.name = name;
    this.#opening = opening(this.#closing.signal);
    this.#opening.then(
      (driver) => this.#use(driver),
      // Each call tells its own caller.
      () => {},
    );
  }

  async ensure(object: NetworkObject, signal: AbortSignal): Promise<void> {
    return (await this.#ready(signal)).ensure(object, signal);
  }

  async remove(object: NetworkObjectId, signal: AbortSignal): Promise<void> {
    return (await this.#ready(signal)).remove(object, signal);
  }

  async programmed(vpcId: string, signal: AbortSignal): Promise<void> {
    return (await this.#ready(signal)).programmed(vpcId, signal);
  }

  async portStatus(portId: string, signal: AbortSignal): Promise<PortStatus | undefined> {
    return (await this.#ready(signal)).portStatus(portId, signal);
  }

  async reaches(packet: Packet, signal: AbortSignal): Promise<Reach> {
    return (await this.#ready(signal)).reaches(packet, signal);
  }

  async inventory(signal: AbortSignal): Promise<readonly NetworkObjectId[]> {
    return (await this.#ready(signal)).inventory(signal);
  }

  async audit(objects: Iterable<NetworkObject>, signal: AbortSignal): Promise<Audit> {
    return (await this.#ready(signal)).audit(objects, signal);
  }

  onChange(listener: (change: NetworkChange) => void): () => void {
    return this.#changes.add(listener);
  }

  onReset(listener: () => void): () => void {
    return this.#resets.add(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening.then(
      (driver) => driver.close(),
      () => {},
    );
  }

  #use(driver: NetworkDriver): void {
    this.#driver = driver;
    driver.onChange((change) => this.#changes.tell(change));
    driver.onReset?.(() => this.#resets.tell());
    this.#resets.tell();
  }

  async #ready(signal: AbortSignal): Promise<NetworkDriver> {
    if (this.#driver !== undefined) return this.#driver;
    signal.throwIfAborted();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const late = new Promise<never>((_, reject) => {
      const give = () =>
        reject(new DriverError("unavailable", `the network backend "${this.name}" does not answer yet`));
      limit.addEventListener("abort", give, { once: true });
    });
    return Promise.race([this.#opening, late]);
  }
}
