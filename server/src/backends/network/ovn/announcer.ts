// Tells of drift once an object, when the changes have come to rest: who deletes a switch by hand deletes its ports with it.
import type { Clock } from "../../../clock.ts";
import type { NetworkChange } from "../driver.ts";
import { keyOf } from "../topology.ts";

/** How long changes are gathered: a person's command is one transaction, a script's are some milliseconds apart. */
const restMs = 100;

export class Announcer {
  readonly #clock: Clock;
  readonly #tell: (change: NetworkChange) => void;
  readonly #closing = new AbortController();
  readonly #gathered = new Map<string, NetworkChange>();

  constructor(clock: Clock, tell: (change: NetworkChange) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  gather(change: NetworkChange): void {
    const first = this.#gathered.size === 0;
    this.#gathered.set(keyOf(change), change);
    if (first) void this.#flush();
  }

  close(): void {
    this.#closing.abort();
  }

  async #flush(): Promise<void> {
    await this.#clock.sleep(restMs, this.#closing.signal);
    const changes = [...this.#gathered.values()];
    this.#gathered.clear();
    if (!this.#closing.signal.aborted) for (const change of changes) this.#tell(change);
  }
}
