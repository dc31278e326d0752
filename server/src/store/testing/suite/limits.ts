import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Amounts, Store } from "../../store.ts";
import { alpha, beta, create, type Extras, foreign, keyOf, type Open, refusal, write, writeOf } from "../fixtures.ts";

const org = { org: "acme", project: "" };
const thing = "test.v1.Thing";
const limitKey = (tenant = alpha) => keyOf("quota", tenant, "test.v1.Limit");

function limit(store: Store, limits: Amounts, tenant = alpha): Promise<void> {
  return create(store, limitKey(tenant), { limits });
}

async function update(store: Store, id: string, extras: Extras): Promise<void> {
  await store.transact(async (tx) => {
    await tx.get(keyOf(id));
    tx.update(writeOf(keyOf(id), extras));
  });
}

/** How many of so many creations at once, by two processes, were accepted. */
async function race(store: Store, other: Store, many: number, extras: Extras = {}): Promise<number> {
  const creating = Array.from({ length: many }, (_, index) =>
    create(index % 2 === 0 ? store : other, keyOf(`r${index}`, index % 3 === 0 ? beta : alpha), extras).then(
      () => "made",
      () => "refused",
    ),
  );
  return (await Promise.all(creating)).filter((one) => one === "made").length;
}

const words = fc.constantFrom("a", "b", "c", "d");
const sizes = fc.integer({ min: 0, max: 6 });
const deeds = fc.array(
  fc.oneof(
    fc.record({ deed: fc.constant("create" as const), id: words, size: sizes }),
    fc.record({ deed: fc.constant("update" as const), id: words, size: sizes }),
    fc.record({ deed: fc.constantFrom("tombstone" as const, "remove" as const), id: words, size: sizes }),
  ),
  { maxLength: 12 },
);

/** What a store should hold after deeds, one after the other, and what it should have refused. */
class Model {
  readonly sizes = new Map<string, number>();
  readonly #most: { readonly count: number; readonly cores: number };

  constructor(most: { count: number; cores: number }) {
    this.#most = most;
  }

  get cores(): number {
    return [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  allows(id: string, size: number): boolean {
    const had = this.sizes.get(id);
    const grows = size - (had ?? 0);
    if (had === undefined && this.sizes.size >= this.#most.count) return false;
    if (had !== undefined && grows <= 0) return true;
    return grows === 0 ? this.cores < this.#most.cores : this.cores + grows <= this.#most.cores;
  }
}

async function carryOut(store: Store, model: Model, deed: string, id: string, size: number): Promise<void> {
  const there = model.sizes.has(id);
  if (deed === "tombstone") await write(store, (tx) => tx.tombstone(keyOf(id)));
  else if (deed === "remove") {
    await write(store, (tx) => tx.remove(keyOf(id)));
    model.sizes.delete(id);
  } else if ((deed === "create") !== there) {
    const extras = { amounts: { cores: size } };
    const done = (deed === "create" ? create(store, keyOf(id), extras) : update(store, id, extras)).then(
      () => true,
      () => false,
    );
    const allowed = model.allows(id, size);
    expect(await done).toBe(allowed);
    if (allowed) model.sizes.set(id, size);
  }
}

export function limits(open: Open): void {
  describe("limits", () => {
    test("what is beyond a count is refused, with what is used and asked; other tenants are not counted", async () => {
      const { store } = await open();
      await limit(store, { [thing]: 1 });
      await create(store, keyOf("f", foreign));
      await create(store, keyOf("b", beta));
      await create(store, keyOf("a"));
      expect(await refusal(create(store, keyOf("b")))).toEqual({
        reason: "over_limit",
        use: { scope: alpha, measure: thing, most: 1, used: 1, asked: 1 },
      });
      await create(store, keyOf("b2", beta));
    });

    test("an org's limit counts all of its projects", async () => {
      const { store } = await open();
      await limit(store, { [thing]: 2, cores: 5 }, org);
      await create(store, keyOf("a"), { amounts: { cores: 4 } });
      expect(await refusal(create(store, keyOf("b", beta), { amounts: { cores: 2 } }))).toMatchObject({
        use: { scope: org, measure: "cores", most: 5, used: 4, asked: 2 },
      });
      await create(store, keyOf("b", beta), { amounts: { cores: 1 } });
      expect(await refusal(create(store, keyOf("c")))).toMatchObject({ use: { measure: thing, used: 2 } });
      expect(await store.usage(org, [thing, "cores", "other"])).toEqual({ [thing]: 2, cores: 5, other: 0 });
      expect(await store.usage(beta, [thing, "cores"])).toEqual({ [thing]: 1, cores: 1 });
    });

    test("of 64 at once, from two processes and in two projects, exactly as many get in as there may be", async () => {
      const { store, other } = await open();
      await limit(store, { [thing]: 9 }, org);
      expect(await race(store, other, 64)).toBe(9);
      expect(await store.usage(org, [thing])).toEqual({ [thing]: 9 });
    });

    test("of 64 amounts at once, from two processes, no more get in than fit", async () => {
      const { store, other } = await open();
      await limit(store, { cores: 20 }, org);
      expect(await race(store, other, 64, { amounts: { cores: 3 } })).toBe(6);
      expect(await store.usage(org, ["cores"])).toEqual({ cores: 18 });
    });

    test("an amount grows as far as there is room, and shrinks at any time", async () => {
      const { store } = await open();
      await create(store, keyOf("a"), { amounts: { cores: 8 } });
      await limit(store, { cores: 4 });
      expect(await refusal(update(store, "a", { amounts: { cores: 9 } }))).toMatchObject({
        use: { used: 8, asked: 1 },
      });
      await update(store, "a", { amounts: { cores: 8 }, data: "changed" });
      await update(store, "a", { amounts: { cores: 2 } });
      await update(store, "a", { amounts: { cores: 4 } });
      expect(await refusal(create(store, keyOf("b"), { amounts: { cores: 1 } }))).toMatchObject({ use: { used: 4 } });
    });

    test("a limit below what is there refuses what is new, and nothing else; without it all is as before", async () => {
      const { store } = await open();
      for (const id of ["a", "b", "c"]) await create(store, keyOf(id));
      await limit(store, { [thing]: 1 });
      await update(store, "a", { data: "changed" });
      expect(await refusal(create(store, keyOf("d")))).toMatchObject({ use: { most: 1, used: 3 } });
      await write(store, (tx) => tx.remove(limitKey()));
      await create(store, keyOf("d"));
    });

    test("of several limits in a scope the lowest counts, and of an org's and a project's both", async () => {
      const { store } = await open();
      await limit(store, { [thing]: 3 });
      await create(store, keyOf("lower", alpha, "test.v1.Limit"), { limits: { [thing]: 1 } });
      await limit(store, { [thing]: 2 }, org);
      await create(store, keyOf("a"));
      expect(await refusal(create(store, keyOf("b")))).toMatchObject({ use: { scope: alpha, most: 1 } });
      await create(store, keyOf("b", beta));
      expect(await refusal(create(store, keyOf("c", beta)))).toMatchObject({ use: { scope: org, most: 2 } });
    });

    test("a tombstone counts until it is removed", async () => {
      const { store } = await open();
      await limit(store, { [thing]: 1, cores: 1 });
      await create(store, keyOf("a"), { amounts: { cores: 1 } });
      await write(store, (tx) => tx.tombstone(keyOf("a")));
      expect(await refusal(create(store, keyOf("b")))).toMatchObject({ reason: "over_limit" });
      await write(store, (tx) => tx.remove(keyOf("a")));
      await create(store, keyOf("b"), { amounts: { cores: 1 } });
    });

    test("what is measured later counts from then on, and is never refused itself", async () => {
      const { store } = await open();
      await limit(store, { bytes: 10 });
      await create(store, keyOf("a"), { amounts: { bytes: 0 } });
      await write(store, (tx) => tx.measure(keyOf("a"), { bytes: 30 }));
      expect(await store.limits(alpha)).toEqual([{ scope: alpha, measure: "bytes", most: 10 }]);
      expect(await store.usage(alpha, ["bytes"])).toEqual({ bytes: 30 });
      expect(await refusal(create(store, keyOf("b"), { amounts: { bytes: 0 } }))).toMatchObject({ use: { asked: 0 } });
      await update(store, "a", { amounts: { bytes: 30 } });
    });

    test("a rehearsal tells what it would come under, and stores nothing", async () => {
      const { store } = await open();
      await limit(store, { [thing]: 5, cores: 3, bytes: 1 });
      await create(store, keyOf("a"), { amounts: { cores: 1 } });
      const uses = await store.rehearse(async (tx) => {
        tx.create(writeOf(keyOf("b"), { amounts: { cores: 4 } }));
        tx.create(writeOf(keyOf("c")));
        return tx.limitUses();
      });
      expect(uses.map(({ measure, used, asked }) => `${measure} ${used}+${asked}`).sort()).toEqual([
        "cores 1+4",
        `${thing} 1+2`,
      ]);
      expect(await store.usage(alpha, [thing])).toEqual({ [thing]: 1 });
    });

    test("whatever is created, changed and removed: what is used is what is there, and never more than there may be", async () => {
      const { store } = await open();
      const most = { count: 3, cores: 9 };
      await limit(store, { [thing]: most.count, cores: most.cores });
      await fc.assert(
        fc.asyncProperty(deeds, async (given) => {
          const model = new Model(most);
          for (const { deed, id, size } of given) {
            await carryOut(store, model, deed, id, size);
            const used = { [thing]: model.sizes.size, cores: model.cores };
            expect(await store.usage(alpha, [thing, "cores"])).toEqual(used);
          }
          for (const id of model.sizes.keys()) await write(store, (tx) => tx.remove(keyOf(id)));
        }),
        { numRuns: 10 },
      );
    });
  });
}
