// Transactions on their way: they wait for a connection, go out pipelined, and come to an end whatever happens. Never so much at once that
// the process could not answer the server in between.
import { RpcError } from "./connection.ts";
import { type Operation, OvsdbError } from "./database.ts";
import type { OwnChanges } from "./own-changes.ts";
import type { Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import { encodeTransaction, isPassing, type Outcome, outcomeOf } from "./transaction.ts";

/** How many transactions wait for their answers: enough that the server never waits for us. */
const maxUnderWay = 512;
/** Bytes not taken by the server yet. */
const maxBacklog = 4 * 1024 * 1024;
/** How long transactions are written without a pause. */
const sliceMs = 10;

interface Pending {
  readonly operations: readonly Operation[];
  readonly signal: AbortSignal | undefined;
  /** Inserts whose row turned out to be there. */
  readonly existing: Set<string>;
  /** How often it was sent. */
  sent: number;
  readonly resolve: (numbers: readonly number[]) => void;
  readonly reject: (err: OvsdbError) => void;
}

export class Writer {
  readonly #replica: Replica;
  readonly #own: OwnChanges;
  readonly #waiting = new Set<Pending>();
  /** Those whose answer was lost: what the copy learns of them when it is brought up to date is still ours. */
  #unanswered: Pending[] = [];
  #session: Session | undefined;
  #underWay = 0;
  #paused = false;
  #closed = false;

  constructor(replica: Replica, own: OwnChanges) {
    this.#replica = replica;
    this.#own = own;
  }

  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly number[]> {
    if (signal?.aborted) throw aborted(signal);
    if (this.#closed) throw new OvsdbError("closed", "the client is closed");
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    const pending = { operations, signal, existing: new Set<string>(), sent: 0, resolve, reject };
    const abort = () => {
      this.#waiting.delete(pending);
      reject(aborted(signal));
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(pending);
    this.#pump();
    return promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Takes a connection whose copy is up to date; undefined: it is lost. */
  use(session: Session | undefined): void {
    this.#session = session;
    if (session === undefined) return;
    for (const { operations } of this.#unanswered) this.#own.end(operations);
    this.#unanswered = [];
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    for (const pending of this.#waiting) pending.reject(new OvsdbError("closed", "the client is closed"));
    this.#waiting.clear();
  }

  /** Sends what waits, as far as there is room for it. */
  #pump(): void {
    if (this.#paused) return;
    const until = performance.now() + sliceMs;
    for (const pending of this.#waiting) {
      const session = this.#session;
      if (session === undefined || this.#underWay >= maxUnderWay || session.backlog > maxBacklog) return;
      this.#waiting.delete(pending);
      this.#send(session, pending);
      if (performance.now() > until) break;
    }
    if (this.#waiting.size > 0) this.#pause();
  }

  #pause(): void {
    this.#paused = true;
    setImmediate(() => {
      this.#paused = false;
      this.#pump();
    });
  }

  #send(session: Session, pending: Pending): void {
    this.#underWay++;
    this.#own.begin(pending.operations);
    this.#exchange(session, pending)
      .then(
        (outcome) => this.#settle(pending, outcome),
        (err: unknown) => this.#fail(pending, this.#errorOf(err)),
      )
      .finally(() => {
        this.#underWay--;
        this.#pump();
      });
  }

  async #exchange(session: Session, pending: Pending): Promise<Outcome> {
    pending.sent++;
    const wire = encodeTransaction(pending.operations, session.schema, pending.existing);
    return outcomeOf(wire, await session.transact(wire.map(({ json }) => json)));
  }

  #fail(pending: Pending, error: OvsdbError): void {
    if (error.reason === "disconnected") this.#unanswered.push(pending);
    else this.#own.end(pending.operations);
    pending.reject(error);
  }

  #settle(pending: Pending, outcome: Outcome): void {
    if (outcome.type === "failed") this.#fail(pending, outcome.error);
    else {
      this.#own.end(pending.operations);
      if (outcome.type === "done") pending.resolve(outcome.numbers);
      else this.#again(pending, outcome);
    }
  }

  /** Each time at least one more row is known to be there; more often than that means that others make and take the same rows. */
  #again(pending: Pending, { type, uuid }: Extract<Outcome, { uuid: string }>): void {
    if (type === "duplicate") this.#noteExisting(pending, uuid);
    else pending.existing.delete(uuid);
    if (pending.sent > pending.operations.length + 1)
      pending.reject(new OvsdbError("refused", "others insert and delete the same rows"));
    else if (pending.signal?.aborted !== true) this.#waiting.add(pending);
  }

  /** The one that the server named, and all that the copy holds: they came with it. */
  #noteExisting({ operations, existing }: Pending, uuid: string): void {
    existing.add(uuid);
    for (const operation of operations)
      if (operation.op === "insert" && this.#replica.rows(operation.table).has(operation.uuid))
        existing.add(operation.uuid);
  }

  #errorOf(err: unknown): OvsdbError {
    if (err instanceof OvsdbError) return err;
    if (err instanceof RpcError && !isPassing(err.error)) return new OvsdbError("refused", err.message, { cause: err });
    const message = err instanceof Error ? err.message : String(err);
    return new OvsdbError(this.#closed ? "closed" : "disconnected", message, { cause: err });
  }
}

function aborted(signal: AbortSignal | undefined): OvsdbError {
  return new OvsdbError("closed", "the transaction was aborted", { cause: signal?.reason });
}
