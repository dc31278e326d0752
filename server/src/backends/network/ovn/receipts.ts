// Receipts from the data plane: a number that goes up in the Northbound travels through northd to every host, behind all that was written
// before it. One number confirms for all who ask while the last one is on its way.
import type { Hosts } from "./hosts.ts";
import { type Database, OvsdbError } from "./ovsdb/database.ts";

export class Receipts {
  readonly #northbound: Database;
  readonly #hosts: Hosts;
  readonly #closing = new AbortController();
  /** The handshake that is on its way to northd. */
  #current: Promise<unknown> = Promise.resolve();
  /** The one that starts when it is there. */
  #next: Promise<number> | undefined;

  constructor(northbound: Database, hosts: Hosts) {
    this.#northbound = northbound;
    this.#hosts = hosts;
  }

  /** Resolves when all that was written before the call is at work on the VPC's live hosts. */
  async programmed(vpcId: string, signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, this.#closing.signal]);
    let number: number;
    do number = await orAborted(this.#handshake(), over);
    while (!(await this.#hosts.reached(vpcId, number, () => this.#isLost(number), over)));
  }

  /** Resolves when northd has made flows of all that was written before the call. */
  async translated(signal: AbortSignal): Promise<void> {
    await orAborted(this.#handshake(), AbortSignal.any([signal, this.#closing.signal]));
  }

  close(reason: unknown): void {
    this.#closing.abort(reason);
  }

  /** The number that northd has taken over with everything before it. */
  #handshake(): Promise<number> {
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      const handshake = this.#confirm();
      this.#current = handshake.catch(() => undefined);
      return handshake;
    });
    return this.#next;
  }

  async #confirm(): Promise<number> {
    for (;;) {
      const number = await this.#raise();
      const confirmed = await this.#northbound.until(() => this.#answerOf(number), this.#closing.signal);
      if (confirmed === "done") return number;
    }
  }

  /** Raising it once too often does no harm. */
  async #raise(): Promise<number> {
    const { signal } = this.#closing;
    for (;;) {
      // northd makes the row in a database that was just created.
      await this.#northbound.until((copy) => copy.rows("NB_Global").size > 0 || undefined, signal);
      try {
        const operation = { op: "increment", table: "NB_Global", column: "nb_cfg" } as const;
        const [number = 0] = await this.#northbound.transact([operation], signal);
        return number;
      } catch (err) {
        if (!(err instanceof OvsdbError) || err.reason !== "disconnected") throw err;
      }
    }
  }

  #answerOf(number: number): "done" | "lost" | undefined {
    if (this.#isLost(number)) return "lost";
    return this.#global("sb_cfg") >= number ? "done" : undefined;
  }

  /** The database was replaced, and counts from the start again. */
  #isLost(number: number): boolean {
    return this.#global("nb_cfg") < number;
  }

  #global(column: "nb_cfg" | "sb_cfg"): number {
    const [row] = this.#northbound.rows("NB_Global").values();
    return Number(row?.[column] ?? 0);
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
