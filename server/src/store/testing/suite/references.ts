import { describe, expect, test } from "@jest/globals";
import { create, foreign, keyOf, type Open, reference, refusal, write, writeOf } from "../fixtures.ts";

const vpc = keyOf("vpc-1", undefined, "test.v1.Vpc");
const subnet = keyOf("subnet-1", undefined, "test.v1.Subnet");
const toVpc = reference(vpc, "vpc_id");

export function references(open: Open): void {
  describe("references", () => {
    test("a reference to what does not exist is refused", async () => {
      const { store } = await open();
      const detail = await refusal(create(store, subnet, { references: [toVpc] }));
      expect(detail).toEqual({ reason: "missing_reference", from: subnet, reference: toVpc });
    });

    test("a foreign tenant's resource of the same id does not stand in for it", async () => {
      const { store } = await open();
      await create(store, { ...vpc, tenant: foreign });
      const detail = await refusal(create(store, subnet, { references: [toVpc] }));
      expect(detail).toMatchObject({ reason: "missing_reference" });
    });

    test("a reference to a tombstone is refused", async () => {
      const { store } = await open();
      await create(store, vpc);
      await write(store, (tx) => tx.tombstone(vpc));
      expect(await refusal(create(store, subnet, { references: [toVpc] }))).toMatchObject({
        reason: "missing_reference",
      });
    });

    test("a reference to itself, and to what the same transaction makes, is allowed", async () => {
      const { store } = await open();
      await write(store, (tx) => {
        tx.create(writeOf(subnet, { references: [toVpc, reference(subnet, "self_id")] }));
        tx.create(writeOf(vpc));
      });
      expect(await store.referrers(vpc)).toEqual([subnet]);
      expect(await store.referrers(subnet)).toEqual([]);
    });

    test("what is referred to can be neither deleted nor removed, and the referrers are named", async () => {
      const { store } = await open();
      await create(store, vpc);
      await create(store, subnet, { references: [toVpc, reference(vpc, "peer_id")] });
      const expected = { reason: "still_referenced", key: vpc, by: [subnet] };
      expect(await refusal(write(store, (tx) => tx.tombstone(vpc)))).toEqual(expected);
      expect(await refusal(write(store, (tx) => tx.remove(vpc)))).toEqual(expected);
      expect(await store.get(vpc)).toMatchObject({ phase: "live", version: 1 });
    });

    test("a tombstone still refers until it is removed", async () => {
      const { store } = await open();
      await create(store, vpc);
      await create(store, subnet, { references: [toVpc] });
      await write(store, (tx) => tx.tombstone(subnet));
      expect(await refusal(write(store, (tx) => tx.tombstone(vpc)))).toMatchObject({ reason: "still_referenced" });
      await write(store, (tx) => [tx.remove(subnet), tx.remove(vpc)]);
      expect(await store.get(vpc)).toBeUndefined();
    });

    test("an update replaces references, and lets the old target go in the same transaction", async () => {
      const { store } = await open();
      await create(store, vpc);
      await create(store, subnet, { references: [toVpc] });
      await store.transact(async (tx) => {
        await tx.get(subnet);
        tx.update(writeOf(subnet));
        tx.tombstone(vpc);
      });
      expect(await store.get(vpc)).toMatchObject({ phase: "deleting" });
      expect(await store.referrers(vpc)).toEqual([]);
    });

    test("a target that the same transaction deletes is missing", async () => {
      const { store } = await open();
      await create(store, vpc);
      const both = store.transact(async (tx) => {
        await tx.get(vpc);
        tx.tombstone(vpc);
        tx.create(writeOf(subnet, { references: [toVpc] }));
      });
      expect(await refusal(both)).toMatchObject({ reason: "missing_reference" });
    });

    test("of a delete and 8 concurrent new references, either the delete or the references win", async () => {
      const { store, other } = await open();
      for (let round = 0; round < 8; round++) {
        const target = { ...vpc, id: `vpc-${round}` };
        await create(store, target);
        const making = Array.from({ length: 8 }, (_, index) => {
          const from = { ...subnet, id: `subnet-${round}-${index}` };
          return create(index % 2 === 0 ? store : other, from, { references: [reference(target)] }).catch(() => "no");
        });
        await Promise.all([...making, write(other, (tx) => tx.tombstone(target)).catch(() => "no")]);
        const deleted = (await store.get(target))?.phase === "deleting";
        expect((await store.referrers(target)).length > 0).toBe(!deleted);
      }
    });
  });
}
