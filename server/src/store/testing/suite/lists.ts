import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ListQuery, ResourceRow, Store, Tenant } from "../../store.ts";
import { alpha, beta, create, eventOf, foreign, keyOf, type Open, tail, text, write, writeOf } from "../fixtures.ts";

const kind = "test.v1.Thing";
const place = ({ id, tenant }: ResourceRow) => `${id} ${tenant.org}/${tenant.project}`;

async function pages(store: Store, query: ListQuery): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after: ListQuery["after"]; ; ) {
    const page = await store.list({ ...query, ...(after ? { after } : {}) });
    found.push(...page.map(place));
    after = page.at(-1);
    if (page.length < query.limit) return found;
  }
}

export function lists(open: Open): void {
  describe("list()", () => {
    test("pages through tenants in the order of (id, org, project), missing and doubling none", async () => {
      const { store } = await open();
      const tenants = [alpha, beta, foreign];
      const ids = ["a", "b", "C", "é", "zz"];
      for (const id of ids) for (const tenant of tenants) await create(store, keyOf(id, tenant));
      await create(store, keyOf("a", alpha, "test.v1.Other"));
      const cases = fc.tuple(fc.subarray(tenants, { minLength: 1 }), fc.integer({ min: 1, max: 7 }));
      await fc.assert(
        fc.asyncProperty(cases, async ([chosen, limit]) => {
          const expected = [...ids]
            .sort()
            .flatMap((id) => [...chosen].sort(byTenant).map((one) => `${id} ${one.org}/${one.project}`));
          expect(await pages(store, { tenants: chosen, kind, limit })).toEqual(expected);
        }),
        { numRuns: 20 },
      );
    });

    test("ids() answers a part of one tenant's, in their order, and how many there are", async () => {
      const { store } = await open();
      for (const id of ["b", "d", "a", "c"]) await create(store, keyOf(id));
      await create(store, keyOf("x", beta));
      await create(store, keyOf("y", alpha, "test.v1.Other"));
      const ids = (skip: number, limit: number) => store.ids({ tenant: alpha, kind, skip, limit });
      expect(await ids(0, 10)).toEqual({ ids: ["a", "b", "c", "d"], total: 4 });
      expect(await ids(1, 2)).toEqual({ ids: ["b", "c"], total: 4 });
      for (const [skip, limit] of [
        [4, 1],
        [9, 1],
        [0, 0],
      ] as const)
        expect(await ids(skip, limit)).toEqual({ ids: [], total: 4 });
      expect(await store.ids({ tenant: foreign, kind, skip: 0, limit: 9 })).toEqual({ ids: [], total: 0 });
    });

    test("selects by name and by ids; nothing selects nothing", async () => {
      const { store } = await open();
      for (const id of ["a", "b", "c"]) await create(store, keyOf(id), { name: `name-${id}` });
      const list = async (query: Partial<ListQuery>) =>
        (await store.list({ tenants: [alpha], kind, limit: 10, ...query })).map(({ id }) => id);
      expect(await list({ name: "name-b" })).toEqual(["b"]);
      expect(await list({ ids: ["c", "a", "none"] })).toEqual(["a", "c"]);
      expect(await list({ ids: [] })).toEqual([]);
      expect(await list({ tenants: [] })).toEqual([]);
      expect(await list({ limit: 0 })).toEqual([]);
      expect(await list({ after: { id: "a", tenant: alpha } })).toEqual(["b", "c"]);
    });
  });

  describe("tenants", () => {
    test("no read of one tenant shows a row of another, whatever the id", async () => {
      const { store } = await open();
      const mine = keyOf("same-id", alpha);
      const theirs = keyOf("same-id", foreign);
      await write(store, (tx) => {
        tx.create(writeOf(theirs, { data: "theirs", references: [{ path: "self", target: theirs }] }));
        tx.append(eventOf(theirs));
      });
      expect(await store.get(mine)).toBeUndefined();
      expect(await store.get({ ...mine, tenant: { org: "umbrella", project: "" } })).toBeUndefined();
      expect(await store.list({ tenants: [alpha, beta], kind, limit: 10, ids: ["same-id"] })).toEqual([]);
      expect(await store.referrers(mine)).toEqual([]);
      expect((await tail(store, "", { limit: 10, tenant: alpha })).events).toEqual([]);
      const inside = await store.transact(async (tx) => [
        await tx.get(mine),
        await tx.list({ tenants: [alpha], kind, limit: 10 }),
        await tx.referrers(mine),
      ]);
      expect(inside).toEqual([undefined, [], []]);
    });

    test("no write to one tenant's key touches a row of the same id in another", async () => {
      const { store } = await open();
      const mine = keyOf("same-id", alpha);
      const theirs = keyOf("same-id", foreign);
      await create(store, theirs, { data: "theirs", claims: [{ space: "s", key: "theirs" }] });
      await create(store, mine, { data: "mine" });
      await store.transact(async (tx) => {
        await tx.get(mine);
        tx.update(writeOf(mine, { data: "changed" }));
        tx.observe(mine, text("seen"));
      });
      await write(store, (tx) => [tx.tombstone(mine), tx.schedule(mine)]);
      await write(store, (tx) => tx.remove(mine));
      const left = await store.get(theirs);
      expect(left).toMatchObject({ version: 1, phase: "live", data: text("theirs"), observed: text("") });
      expect(await store.transact((tx) => tx.claims("s"))).toHaveLength(1);
      expect(await store.lease({ owner: "w", limit: 10, leaseMs: 1 })).toEqual([]);
    });
  });
}

function byTenant(a: Tenant, b: Tenant): number {
  return a.org + a.project < b.org + b.project ? -1 : 1;
}
