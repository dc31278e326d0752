import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Store } from "../../store.ts";
import { alpha, keyOf, type Open, plain, text, writeOf } from "../fixtures.ts";

const kind = "test.v1.Range";
const all = { tenants: [alpha], kind, limit: 1000 };

/** Adds a range unless it overlaps one that is there, as a subnet is added to a VPC. */
function addRange(store: Store, id: string, from: number, to: number, order: "guard first" | "list first") {
  return store.transact(async (tx) => {
    if (order === "guard first") tx.guard("ranges");
    const ranges = (await tx.list(all)).map((row) => plain(row.data).split("-").map(Number));
    if (order === "list first") tx.guard("ranges");
    if (ranges.some(([start = 0, end = 0]) => from <= end && start <= to)) return false;
    tx.create(writeOf(keyOf(id, alpha, kind), { data: `${from}-${to}` }));
    return true;
  });
}

export function guards(open: Open): void {
  describe("guard()", () => {
    for (const order of ["guard first", "list first"] as const) {
      test(`keeps concurrent creates from overlapping (${order})`, async () => {
        const { store, other } = await open();
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(fc.nat(40), fc.nat(8)), { minLength: 2, maxLength: 12 }),
            async (wanted) => {
              for (const row of await store.list(all)) await store.transact(async (tx) => tx.remove(row));
              const adding = wanted.map(([from, size], index) =>
                addRange(index % 2 === 0 ? store : other, `range-${index}`, from, from + size, order),
              );
              const added = await Promise.all(adding);
              const rows = await store.list(all);
              expect(rows).toHaveLength(added.filter((one) => one).length);
              expect(overlaps(rows.map((row) => plain(row.data)))).toEqual([]);
            },
          ),
          { numRuns: 8 },
        );
      });
    }

    test("lets 64 transactions of one guard through, one after the other", async () => {
      const { store, other } = await open();
      const add = (on: Store, index: number) =>
        on.transact(async (tx) => {
          tx.guard("count");
          const count = (await tx.list(all)).length;
          tx.create(writeOf(keyOf(`n-${index}`, alpha, kind), { data: String(count) }));
        });
      await Promise.all(Array.from({ length: 64 }, (_, index) => add(index % 2 === 0 ? store : other, index)));
      const counts = (await store.list(all)).map((row) => Number(plain(row.data))).sort((a, b) => a - b);
      expect(counts).toEqual(Array.from({ length: 64 }, (_, index) => index));
    });

    test("does not hold up a transaction that only reads and refuses", async () => {
      const { store } = await open();
      const refusing = store.transact(async (tx) => {
        tx.guard("g");
        await tx.get(keyOf("a"));
        throw new Error(plain(text("refused")));
      });
      await expect(refusing).rejects.toThrow("refused");
    });
  });
}

function overlaps(ranges: readonly string[]): readonly string[] {
  const sorted = ranges.map((range) => range.split("-").map(Number)).sort(([a = 0], [b = 0]) => a - b);
  return sorted.flatMap(([from = 0], index) => {
    const [, end = -1] = sorted[index - 1] ?? [];
    return from <= end ? [`${from} lies before ${end}`] : [];
  });
}
