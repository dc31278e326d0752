// Counts what is read of a store, by what was read: two calls that read the same take the same time.
import { jest } from "@jest/globals";
import type { Store, Tx } from "../store.ts";

export interface Counted {
  /** The reads of a piece of work, in their order: "get iam.v1.User", "list iam.v1.ServiceAccountKey". */
  of(work: () => Promise<unknown>): Promise<readonly string[]>;
  restore(): void;
}

/** Listens to a store. Work that goes on at the same time is counted, too: let there be none. */
export function countReads(store: Store): Counted {
  let reads: string[] = [];
  const { get, list, referrers, holder, transact, rehearse } = store;
  const records = store.records.get;
  const note = (what: string) => reads.push(what);
  const heard = (tx: Tx): Tx =>
    new Proxy(tx, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...given: readonly unknown[]) => {
          if (name === "get" || name === "list" || name === "referrers" || name === "claims") note(`tx ${name}`);
          return Reflect.apply(member, target, given);
        };
      },
    });
  const spies = [
    jest.spyOn(store, "get").mockImplementation((key) => {
      note(`get ${key.kind}`);
      return get.call(store, key);
    }),
    jest.spyOn(store, "list").mockImplementation((query) => {
      note(`list ${query.kind}`);
      return list.call(store, query);
    }),
    jest.spyOn(store, "referrers").mockImplementation((key, limit) => {
      note(`referrers ${key.kind}`);
      return referrers.call(store, key, limit);
    }),
    jest.spyOn(store, "holder").mockImplementation((space, key) => {
      note("holder");
      return holder.call(store, space, key);
    }),
    jest.spyOn(store, "transact").mockImplementation((run) => {
      note("transact");
      return transact.call(store, (tx: Tx) => run(heard(tx)));
    }),
    jest.spyOn(store, "rehearse").mockImplementation((run) => {
      note("rehearse");
      return rehearse.call(store, (tx: Tx) => run(heard(tx)));
    }),
    jest.spyOn(store.records, "get").mockImplementation((space, key) => {
      note(`record ${space}`);
      return records.call(store.records, space, key);
    }),
  ];
  return {
    async of(work) {
      reads = [];
      await work().catch(() => undefined);
      return reads;
    },
    restore() {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
