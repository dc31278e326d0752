// Compares the network backend with the store at the start, after the backend was away, and every ten minutes; of all servers one at a time.
import type { Clock } from "../../clock.ts";
import type { EngineLog } from "../../engine/hooks.ts";
import { type ComparisonOptions, compareNetwork, type Finding, type Findings } from "./comparison.ts";

/** In case a change of the backend was missed: changes that are seen are followed up at once. Milliseconds. */
const everyMs = 10 * 60_000;
/** How long to wait when something does not answer. */
const troubleMs = 30_000;
/** Findings of each sort that a line of the log names. */
const namedInLog = 20;

const space = "network";
const name = "comparison";

/** Numbers, as they happen. */
export interface ComparisonMetrics {
  compared(findings: Findings, ms: number): void;
  failed(): void;
}

export interface WatcherOptions extends ComparisonOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  readonly metrics?: ComparisonMetrics;
}

export class NetworkWatcher {
  readonly #options: WatcherOptions;
  readonly #stopping = new AbortController();
  /** Aborted when a comparison is due at once. */
  #due = new AbortController();
  #running: Promise<Findings> | undefined;
  #loop: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;
  #foreign = "";

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Begins: at once, unless the backend begins empty and the engine fills it. */
  start(): void {
    const { network } = this.#options;
    this.#unwatch = network.onReset?.(() => this.#due.abort());
    if (!network.volatile) this.#due.abort();
    this.#loop = this.#forever();
  }

  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#stopping.abort();
    await Promise.allSettled([this.#loop, this.#running]);
  }

  /** Compares now; one that is under way may have read what has changed since, so it is waited for first. */
  async check(): Promise<Findings> {
    await this.#running?.catch(() => undefined);
    this.#running ??= this.#compare().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #forever(): Promise<void> {
    const { clock, random, log, metrics } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const asked = await this.#untilDue(everyMs * (0.9 + 0.2 * random()));
        if (!signal.aborted && (await this.#takeTurn(asked))) await this.check();
      } catch (err) {
        if (signal.aborted) return;
        metrics?.failed();
        log.warn({ err }, "the network backend could not be compared with the store");
        this.#due.abort();
        await clock.sleep(troubleMs, signal);
      }
    }
  }

  /** Waits until a comparison is due. Answers the latest start of another server's that makes it needless. */
  async #untilDue(ms: number): Promise<number> {
    const { clock } = this.#options;
    const due = this.#due;
    const began = clock.now();
    await clock.sleep(ms, AbortSignal.any([due.signal, this.#stopping.signal]));
    if (!due.signal.aborted) return began;
    this.#due = new AbortController();
    return clock.now();
  }

  /** Whether it is this server's turn: nobody has begun one since, and the record moves on. */
  async #takeTurn(since: number): Promise<boolean> {
    const { store, clock } = this.#options;
    const last = await store.records.get(space, name);
    if (last !== undefined && Number(new TextDecoder().decode(last.value)) > since) return false;
    const stamp = new TextEncoder().encode(String(clock.now()));
    return store.records.put(space, name, stamp, { expected: last?.version ?? 0 });
  }

  async #compare(): Promise<Findings> {
    const { metrics } = this.#options;
    const began = performance.now();
    const findings = await compareNetwork(this.#options, this.#stopping.signal);
    const ms = performance.now() - began;
    metrics?.compared(findings, ms);
    this.#tell(findings, ms);
    return findings;
  }

  #tell({ objects, drifted, strays, foreign }: Findings, ms: number): void {
    const { log, network } = this.#options;
    const fields = { backend: network.name, objects, ms: Math.round(ms) };
    log.info(
      { ...fields, drifted: drifted.length, strays: strays.length, foreign: foreign.length },
      "network compared",
    );
    if (drifted.length > 0)
      log.warn({ drifted: named(drifted) }, "objects in the network backend drifted; they are repaired");
    if (strays.length > 0) log.warn({ strays: named(strays) }, "objects in the network backend belonged to nothing");
    const others = JSON.stringify(named(foreign));
    if (foreign.length > 0 && others !== this.#foreign)
      log.info({ foreign: named(foreign) }, "others keep rows in the network backend; they are left alone");
    this.#foreign = others;
  }
}

function named(findings: readonly Finding[]): readonly string[] {
  return findings.slice(0, namedInLog).map(({ type, id, detail }) => `${type} ${id}: ${detail}`);
}
