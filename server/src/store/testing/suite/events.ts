import { describe, expect, test } from "@jest/globals";
import type { EventQuery, Store } from "../../store.ts";
import { alpha, beta, create, eventOf, foreign, keyOf, type Open, refusal, tail, write } from "../fixtures.ts";

/** Lets the event loop turn: a read of SQLite alone never does. */
const pause = () => new Promise((resolve) => setImmediate(resolve));

const emit = (store: Store, ...events: readonly ReturnType<typeof eventOf>[]) =>
  write(store, (tx) => {
    for (const event of events) tx.append(event);
  });

const notCursors = ["x", "s", "17", "s-1", "s01", "s1.5", "x1", "x1.2.3", "x1.2' OR 1=1", "s9999999999999999", "é"];

export function events(open: Open): void {
  describe("events()", () => {
    test("answers what was appended, in order, with the transaction's time", async () => {
      const { store, clock } = await open();
      await emit(store, eventOf(keyOf("a")), eventOf(keyOf("a"), "updated"));
      const { events: found } = await tail(store, "", { limit: 10 });
      expect(found.map(({ type }) => type)).toEqual(["created", "updated"]);
      expect(found[0]).toEqual({ ...eventOf(keyOf("a")), time: clock.now(), cursor: found[0]?.cursor });
    });

    test("goes on after each event's cursor, and after head() there is nothing yet", async () => {
      const { store } = await open();
      expect((await store.events("", { limit: 10 })).events).toEqual([]);
      for (const id of ["a", "b", "c"]) await emit(store, eventOf(keyOf(id)));
      const { events: found } = await tail(store, "", { limit: 1 });
      expect(found.map(({ id }) => id)).toEqual(["a", "b", "c"]);
      const second = await store.events(found[0]?.cursor ?? "", { limit: 10 });
      expect(second.events.map(({ id }) => id)).toEqual(["b", "c"]);
      const head = await store.head();
      expect((await store.events(head, { limit: 10 })).events).toEqual([]);
      await emit(store, eventOf(keyOf("d")));
      expect((await tail(store, head, { limit: 10 })).events.map(({ id }) => id)).toEqual(["d"]);
    });

    test("selects by tenant, kind, id and type", async () => {
      const { store } = await open();
      const org = { org: "acme", project: "" };
      const key = (id: string, tenant: typeof org) => keyOf(id, tenant);
      await emit(store, eventOf(key("a", alpha)), eventOf(key("b", beta)), eventOf(key("c", foreign)));
      await emit(store, eventOf(key("d", org), "login"), eventOf(keyOf("a", alpha, "test.v1.Other"), "denied"));
      const ids = async (query: Omit<EventQuery, "limit">) =>
        (await store.events("", { limit: 10, ...query })).events.map(({ id }) => id).join("");
      expect(await ids({})).toBe("abcda");
      expect(await ids({ tenant: alpha })).toBe("aa");
      expect(await ids({ tenant: org })).toBe("abda");
      expect(await ids({ tenant: foreign })).toBe("c");
      expect(await ids({ kind: "test.v1.Other" })).toBe("a");
      expect(await ids({ kinds: ["test.v1.Other", "test.v1.None"] })).toBe("a");
      expect(await ids({ id: "b" })).toBe("b");
      expect(await ids({ tenant: alpha, id: "b" })).toBe("");
      expect(await ids({ types: ["login", "denied"] })).toBe("da");
    });

    test("selects by actor, method and time, and keeps an event without a session", async () => {
      const { store, clock } = await open();
      const { sessionId: _, credential: __, decidedBy: ___, ...bare } = eventOf(keyOf("b"));
      await emit(store, eventOf(keyOf("a")));
      clock.advance(1000);
      await emit(store, { ...bare, actor: "engine", method: "" });
      const found = async (query: Omit<EventQuery, "limit">) =>
        (await store.events("", { limit: 10, ...query })).events;
      const ids = async (query: Omit<EventQuery, "limit">) => (await found(query)).map(({ id }) => id).join("");
      expect(await ids({ actor: "user:acme/ada" })).toBe("a");
      expect(await ids({ method: "test.v1.ThingService/CreateThing" })).toBe("a");
      expect(await ids({ since: clock.now() })).toBe("b");
      expect(await ids({ until: clock.now() })).toBe("a");
      expect(await found({ actor: "engine" })).toMatchObject([{ sessionId: "", credential: "", decidedBy: "" }]);
    });

    test("advances its cursor past what was not selected", async () => {
      const { store } = await open();
      await emit(store, eventOf(keyOf("a", foreign)));
      const page = await store.events("", { limit: 10, tenant: alpha });
      expect(page.events).toEqual([]);
      expect((await store.events(page.cursor, { limit: 10 })).events).toEqual([]);
      await emit(store, eventOf(keyOf("b")));
      expect((await store.events(page.cursor, { limit: 10 })).events.map(({ id }) => id)).toEqual(["b"]);
    });

    test("refuses a cursor that no store has given", async () => {
      const { store } = await open();
      for (const cursor of notCursors) {
        expect(await refusal(store.events(cursor, { limit: 1 }))).toEqual({ reason: "bad_cursor", cursor });
      }
    });

    test("misses none and doubles none while 32 writers append", async () => {
      const { store, other } = await open();
      const writers = 32;
      const each = 20;
      let writing = true;
      const seen: string[] = [];
      const watch = async () => {
        let cursor = "";
        const read = async () => {
          const page = await tail(store, cursor, { limit: 50 });
          seen.push(...page.events.map(({ id }) => id));
          cursor = page.cursor;
        };
        while (writing) {
          await read();
          await pause();
        }
        const deadline = Date.now() + 10_000;
        while (seen.length < writers * each && Date.now() < deadline) await pause().then(read);
        await read();
      };
      const watching = watch();
      await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          for (let index = 0; index < each; index++) {
            await emit(writer % 2 === 0 ? store : other, eventOf(keyOf(`${writer}-${index}`)));
          }
        }),
      );
      writing = false;
      await watching;
      expect(new Set(seen).size).toBe(writers * each);
      expect(seen).toHaveLength(writers * each);
      for (let writer = 0; writer < writers; writer++) {
        const own = seen.filter((id) => id.startsWith(`${writer}-`));
        expect(own).toEqual(Array.from({ length: each }, (_, index) => `${writer}-${index}`));
      }
    });

    test("onCommit() tells of commits until it is stopped, also of the other store's", async () => {
      const { store, other } = await open();
      for (const [index, writer] of [store, other].entries()) {
        const hint = Promise.withResolvers<void>();
        const stop = store.onCommit(hint.resolve);
        await create(writer, keyOf(`a-${index}`));
        await hint.promise;
        stop();
      }
    });

    test("onCommit() is quiet about leases, records and transactions that only read", async () => {
      const { store } = await open();
      let hints = 0;
      const stop = store.onCommit(() => hints++);
      await store.lease({ owner: "w", limit: 1, leaseMs: 1 });
      await store.records.put("s", "k", new Uint8Array(), {});
      await store.transact(async (tx) => [await tx.get(keyOf("a")), await tx.get(keyOf("b"))]);
      await pause();
      stop();
      expect(hints).toBe(0);
    });

    test("onCommit() is quiet once it is stopped", async () => {
      const { store } = await open();
      let hints = 0;
      store.onCommit(() => hints++)();
      await create(store, keyOf("a"));
      expect(hints).toBe(0);
    });
  });
}
