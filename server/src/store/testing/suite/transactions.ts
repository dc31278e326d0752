import { describe, expect, test } from "@jest/globals";
import type { StoreError } from "../../store.ts";
import { alpha, create, eventOf, keyOf, type Open, plain, refusal, tail, text, write, writeOf } from "../fixtures.ts";

export function transactions(open: Open): void {
  describe("transact()", () => {
    test("stores what was created, and answers the closure's value", async () => {
      const { store, clock } = await open();
      const key = keyOf("thing-1");
      const answer = await store.transact(async (tx) => {
        tx.create(writeOf(key, { secret: "hash" }));
        return "answer";
      });
      expect(answer).toBe("answer");
      const now = clock.now();
      expect(await store.get(key)).toEqual({
        ...key,
        name: "thing-1",
        phase: "live",
        version: 1,
        createdAt: now,
        updatedAt: now,
        data: text("data"),
        observed: text(""),
        secret: text("hash"),
      });
    });

    test("stores nothing when the closure throws", async () => {
      const { store } = await open();
      const failing = store.transact(async (tx) => {
        tx.create(writeOf(keyOf("thing-1")));
        throw new RangeError("no");
      });
      await expect(failing).rejects.toThrow(new RangeError("no"));
      expect(await store.get(keyOf("thing-1"))).toBeUndefined();
    });

    test("stores nothing at all when one part is refused", async () => {
      const { store } = await open();
      await create(store, keyOf("thing-1"));
      const head = await store.head();
      const refused = write(store, (tx) => {
        tx.create(writeOf(keyOf("thing-2"), { claims: [{ space: "s", key: "k" }] }));
        tx.append(eventOf(keyOf("thing-2")));
        tx.schedule(keyOf("thing-2"));
        tx.create(writeOf(keyOf("thing-1")));
      });
      expect(await refusal(refused)).toEqual({ reason: "duplicate_id", key: keyOf("thing-1") });
      expect(await store.get(keyOf("thing-2"))).toBeUndefined();
      expect((await tail(store, head, { limit: 10 })).events).toEqual([]);
      expect(await store.nextDue()).toBeUndefined();
      expect(await write(store, (tx) => tx.claims("s"))).toEqual([]);
    });

    test("refuses the same id twice in one transaction", async () => {
      const { store } = await open();
      const twice = write(store, (tx) => [tx.create(writeOf(keyOf("a"))), tx.create(writeOf(keyOf("a")))]);
      expect(await refusal(twice)).toEqual({ reason: "duplicate_id", key: keyOf("a") });
    });

    test("update() raises the version, and keeps the secret that is left out", async () => {
      const { store, clock } = await open();
      await create(store, keyOf("a"), { secret: "hash" });
      clock.advance(1000);
      await store.transact(async (tx) => {
        await tx.get(keyOf("a"));
        tx.update(writeOf(keyOf("a"), { data: "new", name: "renamed" }));
      });
      const row = await store.get(keyOf("a"));
      expect(row).toMatchObject({ version: 2, name: "renamed", data: text("new"), secret: text("hash") });
      expect(row?.updatedAt).toBe(clock.now());
      expect(row?.createdAt).toBe(clock.now() - 1000);
    });

    test("update() of what was not read is a mistake of the caller", async () => {
      const { store } = await open();
      await create(store, keyOf("a"));
      await expect(write(store, (tx) => tx.update(writeOf(keyOf("a"))))).rejects.toThrow(TypeError);
    });

    test("observe() keeps the version, and leaves alone what is gone", async () => {
      const { store } = await open();
      await create(store, keyOf("a"));
      await write(store, (tx) => [tx.observe(keyOf("a"), text("seen")), tx.observe(keyOf("b"), text("seen"))]);
      expect(await store.get(keyOf("a"))).toMatchObject({ version: 1, observed: text("seen"), data: text("data") });
      expect(await store.get(keyOf("b"))).toBeUndefined();
    });

    test("tombstone() raises the version once, and remove() ends the row", async () => {
      const { store } = await open();
      await create(store, keyOf("a"));
      await write(store, (tx) => tx.tombstone(keyOf("a")));
      await write(store, (tx) => tx.tombstone(keyOf("a")));
      expect(await store.get(keyOf("a"))).toMatchObject({ phase: "deleting", version: 2 });
      await write(store, (tx) => tx.remove(keyOf("a")));
      expect(await store.get(keyOf("a"))).toBeUndefined();
      await create(store, keyOf("a"));
    });

    test("reads inside see the store as of before it, the same each time", async () => {
      const { store } = await open();
      await store.transact(async (tx) => {
        expect(await tx.get(keyOf("a"))).toBeUndefined();
        tx.create(writeOf(keyOf("a")));
        expect(await tx.get(keyOf("a"))).toBeUndefined();
      });
      expect(await store.get(keyOf("a"))).toBeDefined();
    });

    test("what the closure does to its bytes afterwards does not reach the store", async () => {
      const { store } = await open();
      const data = text("before");
      await write(store, (tx) => {
        tx.create({ ...writeOf(keyOf("a")), data });
        data.fill(0);
      });
      expect(plain((await store.get(keyOf("a")))?.data ?? text(""))).toBe("before");
    });

    test("text that no database can hold finds nothing, and is stored with U+FFFD in its place", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { name: "we\0b", claims: [{ space: "s\0", key: "k\0" }] });
      expect(await store.get(keyOf("a\0"))).toBeUndefined();
      expect((await store.get(keyOf("a")))?.name).toBe("we\ufffdb");
      expect(await store.list({ tenants: [alpha], kind: "test.v1.Thing", limit: 1, name: "we\0b" })).toHaveLength(1);
    });

    retries(open);
  });
}

function retries(open: Open): void {
  test("runs again when what it read was changed, observed, removed or made meanwhile", async () => {
    const { store, other } = await open();
    await create(store, keyOf("a"));
    const meanwhile = [
      () => write(other, (tx) => tx.observe(keyOf("a"), text("seen"))),
      () => write(other, (tx) => tx.tombstone(keyOf("a"))),
      () => write(other, (tx) => tx.remove(keyOf("a"))),
      () => create(other, keyOf("a")),
    ];
    for (const change of meanwhile) {
      let runs = 0;
      await store.transact(async (tx) => {
        await tx.get(keyOf("a"));
        if (runs++ === 0) await change();
        tx.append(eventOf(keyOf("b")));
      });
      expect(runs).toBe(2);
    }
    expect((await tail(store, "", { limit: 100 })).events).toHaveLength(meanwhile.length);
  });

  test("runs again before it refuses for reasons that do not belong together", async () => {
    const { store, other } = await open();
    await create(store, keyOf("a"), { data: "1" });
    await create(store, keyOf("b"), { data: "1" });
    let runs = 0;
    const both = await store.transact(async (tx) => {
      const a = await tx.get(keyOf("a"));
      if (runs++ === 0) {
        await other.transact(async (inner) => {
          for (const id of ["a", "b"]) {
            await inner.get(keyOf(id));
            inner.update(writeOf(keyOf(id), { data: "2" }));
          }
        });
      }
      const b = await tx.get(keyOf("b"));
      if (plain(a?.data ?? text("")) !== plain(b?.data ?? text(""))) throw new Error("torn");
      return plain(a?.data ?? text(""));
    });
    expect(both).toBe("2");
  });

  test("32 concurrent increments of one resource lose none", async () => {
    const { store, other } = await open();
    await create(store, keyOf("a"), { data: "0" });
    const increment = (on: typeof store) =>
      on.transact(async (tx) => {
        const row = await tx.get(keyOf("a"));
        tx.update(writeOf(keyOf("a"), { data: String(Number(plain(row?.data ?? text(""))) + 1) }));
      });
    await Promise.all(Array.from({ length: 32 }, (_, index) => increment(index % 2 === 0 ? store : other)));
    expect(await store.get(keyOf("a"))).toMatchObject({ version: 33, data: text("32") });
  });

  test("of two that read each other's absence and make the other, one sees what the other made", async () => {
    const { store, other } = await open();
    for (let round = 0; round < 10; round++) {
      const [left, right] = [keyOf(`left-${round}`), keyOf(`right-${round}`)];
      const unless = (on: typeof store, absent: typeof left, made: typeof left) =>
        on.transact(async (tx) => {
          if ((await tx.get(absent)) === undefined) tx.create(writeOf(made));
        });
      await Promise.all([unless(store, left, right), unless(other, right, left)]);
      const made = await Promise.all([store.get(left), store.get(right)]);
      expect(made.filter((row) => row !== undefined)).toHaveLength(1);
    }
  });

  test("rehearse() reads what is there, stores nothing and answers the closure's value", async () => {
    const { store } = await open();
    await create(store, keyOf("a"));
    const head = await store.head();
    const found = await store.rehearse(async (tx) => {
      const row = await tx.get(keyOf("a"));
      tx.create(writeOf(keyOf("b"), { claims: [{ space: "s", key: "k" }] }));
      tx.append(eventOf(keyOf("b")));
      tx.schedule(keyOf("b"));
      return row?.name;
    });
    expect(found).toBe("a");
    expect(await store.get(keyOf("b"))).toBeUndefined();
    expect(await store.holder("s", "k")).toBeUndefined();
    expect((await tail(store, head, { limit: 10 })).events).toEqual([]);
    expect(await store.nextDue()).toBeUndefined();
  });

  test("gives up as contended where every run is in vain", async () => {
    const { store, other } = await open();
    await create(store, keyOf("a"));
    const always = store.transact(async (tx) => {
      await tx.get(keyOf("a"));
      await write(other, (inner) => inner.observe(keyOf("a"), text("again")));
      tx.append(eventOf(keyOf("a")));
    });
    expect(await refusal(always)).toEqual({ reason: "contended" });
  });

  test("fails as closed after close()", async () => {
    const { store } = await open();
    await store.close();
    const closed: Partial<StoreError> = { detail: { reason: "closed" } };
    await expect(create(store, keyOf("a"))).rejects.toMatchObject(closed);
    await expect(store.get(keyOf("a"))).rejects.toMatchObject(closed);
  });
}
