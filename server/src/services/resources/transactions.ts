// From a mutation to its answer: one transaction, remembered under its idempotency key, held back until the resource is settled, or until the
// hosts work by it.
import type { Message } from "@bufbuild/protobuf";
import type { Method } from "@photoncloud/proto";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../fault.ts";
import {
  type LimitUse,
  type ResourceKey,
  type ResourceRow,
  type Store,
  StoreError,
  type Tenant,
} from "../../store/store.ts";
import type { Call } from "../call.ts";
import type { Caller } from "../kind.ts";
import type { Accepted } from "./accept.ts";
import { mostCounted, stillReferenced, toFault } from "./errors.ts";
import { type Memory, memoryOf } from "./idempotency.ts";
import type { Programmed } from "./programmed.ts";
import { mayKnowUse, overQuota } from "./quota.ts";
import { shown } from "./read.ts";
import { Rehearsal } from "./rehearsal.ts";
import { textIn } from "./requests.ts";
import { isSettled, statusNow, versionOf } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import { longestWaitMs, type Waiting } from "./waiting.ts";
import type { Random, Work } from "./work.ts";

export interface Mutation {
  readonly slice: Slice;
  readonly tenant: Tenant;
  readonly method: Method;
  readonly request: Message;
  readonly call: Call;
}

type Run = (work: Work) => Promise<Accepted>;

/** What a refusal speaks of, and to whom. */
type Asked = Pick<Mutation, "slice" | "tenant"> & { readonly call: Caller };

/** What became of a wait: the resource as it is answered, and whether it is as it was asked for. */
interface Outcome {
  readonly answer: Message;
  readonly made: boolean;
}

export interface TransactionsOptions {
  readonly store: Store;
  readonly slices: Slices;
  readonly random: Random;
  readonly clock: Clock;
  readonly waiting: Waiting;
  readonly programmed: Programmed;
  readonly hypervisor: Pick<HypervisorDriver, "cantRun">;
}

/** How often a call whose key was taken looks for the answer that the other one left. */
const lookups = 3;

export class Transactions {
  readonly store: Store;
  readonly slices: Slices;
  readonly random: Random;
  readonly #clock: Clock;
  readonly #waiting: Waiting;
  readonly #programmed: Programmed;
  readonly #hypervisor: Pick<HypervisorDriver, "cantRun">;

  constructor(options: TransactionsOptions) {
    this.store = options.store;
    this.slices = options.slices;
    this.random = options.random;
    this.#clock = options.clock;
    this.#waiting = options.waiting;
    this.#programmed = options.programmed;
    this.#hypervisor = options.hypervisor;
  }

  /** Runs a mutation. @throws Fault */
  async mutate(mutation: Mutation, run: Run): Promise<Message> {
    const { slice, tenant, method, request, call } = mutation;
    const form = { desc: slice.kind.desc, hasSecrets: slice.hasSecrets };
    const memory = memoryOf(call, { desc: method.desc.input, message: request }, form, this.random);
    const before = await this.#vpcsBefore(mutation);
    const answer = await this.#once(memory, mutation, () => this.#commit(call, run, memory));
    call.reached?.("accepted");
    if (call.waitMs === 0) return answer;
    const until = this.#clock.now() + Math.min(call.waitMs, longestWaitMs);
    const key = { tenant, kind: slice.kind.typeName, id: textIn(answer, "id") };
    if (call.wait !== "programmed") return (await this.#settled(slice, key, answer, call)).answer;
    // Looked up at once: what a deleted resource refers to may go soon after it.
    const vpcs = union(before, await this.#programmed.vpcsOf(key, answer));
    const outcome = await this.#settled(slice, key, answer, call);
    if (outcome.made && vpcs !== undefined && (await this.#programmed.reached(vpcs, until, call.signal)))
      call.reached?.("programmed");
    return outcome.answer;
  }

  /** The VPCs that a resource concerned before its change: an elastic IP may move from one to another. */
  async #vpcsBefore({ slice, tenant, request, call }: Mutation): Promise<ReadonlySet<string> | undefined> {
    if (call.wait !== "programmed" || call.waitMs === 0) return new Set();
    return this.#programmed.vpcsAt(slice, { tenant, kind: slice.kind.typeName, id: textIn(request, "id") });
  }

  /** Runs a closure in a transaction. @throws Fault where the store refuses; whatever the closure throws. */
  async transact<T>(caller: Caller, run: (work: Work) => Promise<T>): Promise<T> {
    const { slices, random } = this;
    const hypervisor = this.#hypervisor;
    try {
      return await this.store.transact((tx) => run({ tx, slices, caller, random, hypervisor, touched: new Map() }));
    } catch (error) {
      throw await this.#fault(error);
    }
  }

  /** Runs a closure that would be a transaction, and stores nothing. Answers the limits that it comes under, too. @throws Fault where the store refuses; whatever the closure throws. */
  async rehearse<T>(
    caller: Caller,
    { slice, tenant }: Pick<Mutation, "slice" | "tenant">,
    run: (work: Work) => Promise<T>,
    unknown: ReadonlySet<string>,
  ): Promise<{ readonly done: T; readonly uses: readonly LimitUse[] }> {
    const { slices, random } = this;
    const hypervisor = this.#hypervisor;
    try {
      return await this.store.rehearse(async (tx) => {
        const rehearsal = new Rehearsal(tx);
        const done = await run({ tx: rehearsal, slices, caller, random, hypervisor, touched: new Map(), unknown });
        return { done, uses: await rehearsal.check(slices) };
      });
    } catch (error) {
      throw await this.#fault(error, { slice, tenant, call: caller });
    }
  }

  /** What the caller should be told; a resource that is still in use is counted out, since the store names only the first few who use it. */
  async #fault(error: unknown, of?: Asked): Promise<unknown> {
    if (!(error instanceof StoreError)) return error;
    const { detail } = error;
    if (detail.reason === "over_limit" && of !== undefined) {
      const known = await mayKnowUse(detail.use, of.tenant, of.call);
      return overQuota(this.slices, detail.use, known, of.slice);
    }
    if (detail.reason !== "still_referenced") return toFault(this.slices, error);
    const { key, by } = detail;
    const all = await this.store.referrers(key, mostCounted);
    return stillReferenced(this.slices, key, all.length > 0 ? all : by);
  }

  async #commit(call: Call, run: Run, memory: Memory | undefined): Promise<Message> {
    const { slices, random } = this;
    const hypervisor = this.#hypervisor;
    const accepted = await this.store.transact(async (tx) => {
      const done = await run({ tx, slices, caller: call, random, hypervisor, touched: new Map() });
      memory?.keep(tx, done.message);
      return done;
    });
    return accepted.message;
  }

  /** Answers what was answered before; otherwise runs, and if another call with the same key was faster, answers what that one did. */
  async #once(memory: Memory | undefined, of: Asked, commit: () => Promise<Message>): Promise<Message> {
    for (let turn = 0; turn < lookups; turn++) {
      const before = await memory?.recall(this.store);
      if (before !== undefined) return before;
      try {
        return await commit();
      } catch (error) {
        if (!(error instanceof StoreError && error.detail.reason === "key_taken")) throw await this.#fault(error, of);
      }
    }
    throw new Fault("CONTENDED", "other calls with the same Idempotency-Key are under way; try again");
  }

  /** Holds the answer back until the resource is settled in the version that was written; then answers it as it is, with what is answered once. */
  async #settled(slice: Slice, key: ResourceKey, answer: Message, call: Call): Promise<Outcome> {
    const version = versionOf(textIn(answer, "etag"));
    let last: ResourceRow | undefined;
    const done = (row: ResourceRow | undefined) => row === undefined || isSettled(slice, row, version);
    const row = await this.#waiting.until(key, call.waitMs, call.signal, (seen) => {
      last = seen ?? last;
      return done(seen);
    });
    const settled = done(row);
    if (settled) call.reached?.("settled");
    const made = settled && (row === undefined || statusNow(slice, row).state === State.READY);
    return { answer: last === undefined ? answer : withOnce(slice, shown(slice, last), answer), made };
  }
}

/** Undefined: it can't be told what one of them has. */
function union<T>(a: ReadonlySet<T> | undefined, b: ReadonlySet<T> | undefined): ReadonlySet<T> | undefined {
  return a && b && new Set([...a, ...b]);
}

/** A resource as it is now, with what only the first answer tells. */
function withOnce(slice: Slice, fresh: Message, answer: Message): Message {
  for (const field of slice.kind.fields)
    if (field.once) Reflect.set(fresh, field.localName, Reflect.get(answer, field.localName));
  return fresh;
}
