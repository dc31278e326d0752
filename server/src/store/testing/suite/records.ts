import { describe, expect, test } from "@jest/globals";
import { create, keyOf, type Open, refusal, text, write, writeOf } from "../fixtures.ts";

const kept = { requestHash: "hash", answer: text("answer") };

export function records(open: Open): void {
  describe("records", () => {
    test("are written, compared and set, listed and deleted", async () => {
      const { store } = await open();
      const { records } = store;
      expect(await records.put("keys", "k1", text("1"), { expected: 0 })).toBe(true);
      expect(await records.put("keys", "k1", text("2"), { expected: 0 })).toBe(false);
      expect(await records.put("keys", "k1", text("2"), { expected: 7 })).toBe(false);
      expect(await records.put("keys", "k1", text("2"), { expected: 1 })).toBe(true);
      expect(await records.put("keys", "k1", text("3"), {})).toBe(true);
      expect(await records.get("keys", "k1")).toEqual({ value: text("3"), version: 3, expiresAt: undefined });
      await records.put("keys", "k_2", text("x"), {});
      await records.put("keys", "other", text("x"), {});
      await records.put("sessions", "k3", text("x"), {});
      expect((await records.list("keys", "k")).map(({ key }) => key)).toEqual(["k1", "k_2"]);
      expect((await records.list("keys", "k_")).map(({ key }) => key)).toEqual(["k_2"]);
      expect(await records.list("keys")).toHaveLength(3);
      await records.delete("keys", "k1");
      expect(await records.get("keys", "k1")).toBeUndefined();
    });

    test("are absent once they have expired", async () => {
      const { store, clock } = await open();
      const { records } = store;
      await records.put("s", "k", text("1"), { expiresAt: clock.now() + 10 });
      expect((await records.get("s", "k"))?.expiresAt).toBe(clock.now() + 10);
      clock.advance(10);
      expect(await records.get("s", "k")).toBeUndefined();
      expect(await records.list("s")).toEqual([]);
      expect(await records.put("s", "k", text("2"), { expected: 1 })).toBe(false);
      expect(await records.put("s", "k", text("2"), { expected: 0 })).toBe(true);
      expect((await records.get("s", "k"))?.expiresAt).toBeUndefined();
    });

    test("let one of 16 that set the same version win", async () => {
      const { store, other } = await open();
      await store.records.put("s", "k", text("0"), {});
      const puts = Array.from({ length: 16 }, (_, index) =>
        (index % 2 === 0 ? store : other).records.put("s", "k", text(String(index)), { expected: 1 }),
      );
      expect((await Promise.all(puts)).filter((won) => won)).toHaveLength(1);
    });
  });

  describe("remember()", () => {
    test("keeps an answer with everything else, until it expires", async () => {
      const { store, clock } = await open();
      await write(store, (tx) => tx.remember("acme", "key", kept, clock.now() + 10));
      expect(await store.recall("acme", "key")).toEqual(kept);
      expect(await store.recall("umbrella", "key")).toBeUndefined();
      clock.advance(10);
      expect(await store.recall("acme", "key")).toBeUndefined();
      await write(store, (tx) => tx.remember("acme", "key", kept, clock.now() + 10));
    });

    test("of 16 requests with one key one is stored, and the others learn why", async () => {
      const { store, other, clock } = await open();
      const request = (on: typeof store, index: number) =>
        write(on, (tx) => {
          tx.create(writeOf(keyOf(`a-${index}`), { claims: [{ space: "name", key: "web" }] }));
          tx.remember("acme", "key", kept, clock.now() + 10);
        });
      const requests = Array.from({ length: 16 }, (_, index) => request(index % 2 === 0 ? store : other, index));
      const outcomes = await Promise.all(
        requests.map((one) =>
          one.then(
            () => "stored",
            (error) => error.detail,
          ),
        ),
      );
      const others = outcomes.filter((outcome) => outcome !== "stored");
      expect(others).toEqual(Array.from({ length: 15 }, () => ({ reason: "key_taken", scope: "acme", key: "key" })));
      expect(await store.list({ tenants: [keyOf("").tenant], kind: keyOf("").kind, limit: 100 })).toHaveLength(1);
    });

    test("what has expired is swept in passing", async () => {
      const { store, clock } = await open();
      await write(store, (tx) => tx.remember("acme", "old", kept, clock.now() + 10));
      await store.records.put("s", "old", text("1"), { expiresAt: clock.now() + 10 });
      clock.advance(120_000);
      await create(store, keyOf("a"));
      // The row began anew: a swept record counts its versions from 1.
      await create(store, keyOf("b"));
      await store.records.put("s", "old", text("2"), {});
      expect((await store.records.get("s", "old"))?.version).toBe(1);
    });
  });

  test("healthy() is true for a store that works, and leaves nothing to see", async () => {
    const { store } = await open();
    expect(await store.healthy()).toBe(true);
    expect(await store.records.list("")).toEqual([]);
  });

  test("duplicate ids are refused across processes", async () => {
    const { store, other } = await open();
    await create(store, keyOf("a"));
    expect(await refusal(create(other, keyOf("a")))).toEqual({ reason: "duplicate_id", key: keyOf("a") });
  });
}
