// Counts what is read of a store, by what was read: two calls that read the same take the same time.
import { AsyncLocalStorage } from "node:async_hooks";
import { jest } from "@jest/globals";
import type { Records, Store, Tx } from "../store.ts";

export interface Counted {
  /** The reads of a piece of work, in their order: "get iam.v1.User", "list iam.v1.ServiceAccountKey". */
  of(work: () => Promise<unknown>): Promise<readonly string[]>;
  /** Counts from here on into a list, whatever follows from what runs now. */
  into(reads: string[]): void;
  restore(): void;
}

/** What of a transaction reads. */
const reading: ReadonlySet<string | symbol> = new Set(["get", "list", "referrers", "claims"]);

/** Listens to a store, or to all of a class by its prototype. Of what goes on at the same time only what follows from the work is counted. */
export function countReads(store: Store, records: Records = store.records): Counted {
  const counting = new AsyncLocalStorage<string[]>();
  const note = (what: string) => counting.getStore()?.push(what);
  const { get, list, ids, referrers, holder, recall, usage, events, transact, rehearse } = store;
  const { get: record, list: recordsIn } = records;
  const heard = (tx: Tx): Tx =>
    new Proxy(tx, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...given: readonly unknown[]) => {
          if (reading.has(name)) note(`tx ${String(name)}`);
          return Reflect.apply(member, target, given);
        };
      },
    });
  const spies = [
    jest.spyOn(store, "get").mockImplementation(function (this: Store, key) {
      note(`get ${key.kind}`);
      return get.call(this, key);
    }),
    jest.spyOn(store, "list").mockImplementation(function (this: Store, query) {
      note(`list ${query.kind}`);
      return list.call(this, query);
    }),
    jest.spyOn(store, "ids").mockImplementation(function (this: Store, query) {
      note(`ids ${query.kind}`);
      return ids.call(this, query);
    }),
    jest.spyOn(store, "referrers").mockImplementation(function (this: Store, key, limit) {
      note(`referrers ${key.kind}`);
      return referrers.call(this, key, limit);
    }),
    jest.spyOn(store, "holder").mockImplementation(function (this: Store, space, key) {
      note("holder");
      return holder.call(this, space, key);
    }),
    jest.spyOn(store, "recall").mockImplementation(function (this: Store, scope, key) {
      note("recall");
      return recall.call(this, scope, key);
    }),
    jest.spyOn(store, "usage").mockImplementation(function (this: Store, scope, measures) {
      note("usage");
      return usage.call(this, scope, measures);
    }),
    jest.spyOn(store, "events").mockImplementation(function (this: Store, after, query) {
      note("events");
      return events.call(this, after, query);
    }),
    jest.spyOn(store, "transact").mockImplementation(function (this: Store, run) {
      note("transact");
      return transact.call(this, (tx: Tx) => run(heard(tx)));
    }),
    jest.spyOn(store, "rehearse").mockImplementation(function (this: Store, run) {
      note("rehearse");
      return rehearse.call(this, (tx: Tx) => run(heard(tx)));
    }),
    jest.spyOn(records, "get").mockImplementation(function (this: Records, space, key) {
      note(`record ${space}`);
      return record.call(this, space, key);
    }),
    jest.spyOn(records, "list").mockImplementation(function (this: Records, space, prefix) {
      note(`records ${space}`);
      return recordsIn.call(this, space, prefix);
    }),
  ];
  return {
    async of(work) {
      const reads: string[] = [];
      await counting.run(reads, () => work().catch(() => undefined));
      return reads;
    },
    into: (reads) => counting.enterWith(reads),
    restore() {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
