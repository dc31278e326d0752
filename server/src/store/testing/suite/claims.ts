import { describe, expect, test } from "@jest/globals";
import type { Store } from "../../store.ts";
import { create, foreign, keyOf, type Open, refusal, write, writeOf } from "../fixtures.ts";

const name = { space: "name:acme/alpha", key: "web" };
const taken = { space: "s", key: "1", drawn: false };

async function claimsOf(store: Store, space: string) {
  const claims = await store.transact((tx) => tx.claims(space));
  return claims.map(({ key, owner }) => `${key}=${owner.id}`);
}

async function reclaim(store: Store, id: string, keys: readonly string[]) {
  await store.transact(async (tx) => {
    await tx.get(keyOf(id));
    tx.update(writeOf(keyOf(id), { claims: keys.map((key) => ({ space: "s", key })) }));
  });
}

export function claims(open: Open): void {
  describe("claims", () => {
    test("a claim that another resource has is refused, with both named", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { claims: [name] });
      const detail = await refusal(create(store, keyOf("b", foreign), { claims: [name] }));
      expect(detail).toEqual({
        reason: "claim_taken",
        claim: { ...name, drawn: false },
        by: keyOf("b", foreign),
        owner: keyOf("a"),
      });
    });

    test("a claim tells its holder, until it is given up", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { claims: [name] });
      expect(await store.holder(name.space, name.key)).toEqual(keyOf("a"));
      expect(await store.holder(name.space, "other")).toBeUndefined();
      await store.transact(async (tx) => tx.remove(keyOf("a")));
      expect(await store.holder(name.space, name.key)).toBeUndefined();
    });

    test("of 32 that claim one key, one gets it", async () => {
      const { store, other } = await open();
      const claiming = Array.from({ length: 32 }, (_, index) =>
        create(index % 2 === 0 ? store : other, keyOf(`a-${index}`), { claims: [name] }).then(
          () => "made",
          () => "refused",
        ),
      );
      expect((await Promise.all(claiming)).filter((one) => one === "made")).toHaveLength(1);
      expect(await claimsOf(store, name.space)).toHaveLength(1);
    });

    test("an update keeps, drops and takes claims; a claim taken twice by one resource is one claim", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { claims: [taken, taken, { space: "s", key: "2" }] });
      await reclaim(store, "a", ["2", "3"]);
      expect(await claimsOf(store, "s")).toEqual(["2=a", "3=a"]);
      await create(store, keyOf("b"), { claims: [taken] });
    });

    test("two resources may swap claims in one transaction", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { claims: [{ space: "s", key: "1" }] });
      await create(store, keyOf("b"), { claims: [{ space: "s", key: "2" }] });
      await store.transact(async (tx) => {
        for (const [id, key] of [
          ["a", "2"],
          ["b", "1"],
        ] as const) {
          await tx.get(keyOf(id));
          tx.update(writeOf(keyOf(id), { claims: [{ space: "s", key }] }));
        }
      });
      expect(await claimsOf(store, "s")).toEqual(["1=b", "2=a"]);
    });

    test("a tombstone keeps its claims, and remove() frees them", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { claims: [taken] });
      await write(store, (tx) => tx.tombstone(keyOf("a")));
      expect(await refusal(create(store, keyOf("b"), { claims: [taken] }))).toMatchObject({ reason: "claim_taken" });
      await write(store, (tx) => tx.remove(keyOf("a")));
      await create(store, keyOf("b"), { claims: [taken] });
    });

    test("where a drawn key is taken the transaction draws again", async () => {
      const { store, other } = await open();
      const draw = (on: Store, id: string) => {
        let next = 0;
        return on.transact(async (tx) => {
          tx.create(writeOf(keyOf(id), { claims: [{ space: "mac", key: String(next++), drawn: true }] }));
        });
      };
      await Promise.all(Array.from({ length: 8 }, (_, index) => draw(index % 2 === 0 ? store : other, `p${index}`)));
      const keys = (await store.transact((tx) => tx.claims("mac"))).map(({ key }) => key);
      expect(keys).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
    });

    test("a resource with hundreds of claims takes, keeps and drops them as one with a few", async () => {
      const { store, other } = await open();
      const keys = Array.from({ length: 300 }, (_, index) => String(index).padStart(3, "0"));
      const claimsIn = (some: readonly string[]) => ({ claims: some.map((key) => ({ space: "s", key })) });
      await create(store, keyOf("a"), claimsIn(keys));
      await reclaim(store, "a", [...keys.slice(0, 150), "new"]);
      expect(await claimsOf(store, "s")).toEqual([...keys.slice(0, 150), "new"].map((key) => `${key}=a`));
      const detail = await refusal(create(other, keyOf("b"), claimsIn(keys.slice(100))));
      expect(detail).toMatchObject({ reason: "claim_taken", claim: { key: "100" }, by: keyOf("b"), owner: keyOf("a") });
      expect(await claimsOf(store, "s")).toHaveLength(151);
      await create(other, keyOf("b"), claimsIn(keys.slice(150)));
      expect(await claimsOf(store, "s")).toHaveLength(301);
    });

    test("claims() stops at its limit, in the order of the keys' bytes", async () => {
      const { store } = await open();
      const keys = ["b", "B", "a", "é", "-"];
      await create(store, keyOf("a"), { claims: keys.map((key) => ({ space: "s", key })) });
      expect((await store.transact((tx) => tx.claims("s", 4))).map(({ key }) => key)).toEqual(["-", "B", "a", "b"]);
    });
  });
}
