// What quotas add up, kept by the handler: whatever is done, it is what one finds by adding up.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { WidgetSchema } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import fc from "fast-check";
import { amountsOf } from "./amounts.ts";
import { messageOf } from "./rows.ts";
import { type Fixture, openFixture, outcome, toyReconciler } from "./testing/fixture.ts";

const alpha = { org: "acme", project: "alpha" };
const gears = 40;

type Widget = MessageInitShape<typeof WidgetSchema>;

const widgets: fc.Arbitrary<Widget> = fc.record(
  {
    count: fc.integer({ min: 0, max: 20 }),
    parts: fc.array(fc.record({ name: fc.constantFrom("p", "q"), amount: fc.integer({ min: 0, max: 9 }) }), {
      maxLength: 3,
    }),
    slots: fc.dictionary(fc.constantFrom("a", "b"), fc.record({ name: fc.constant("s"), amount: fc.nat(9) })),
  },
  { requiredKeys: [] },
);

type Deed = readonly ["create" | "update" | "delete" | "settle", number, Widget];
const deeds: fc.Arbitrary<readonly Deed[]> = fc.array(
  fc.tuple(fc.constantFrom("create", "update", "delete", "settle"), fc.nat(), widgets),
  { maxLength: 15 },
);

/** A row that limits how many gears there may be. */
async function limitGears({ store }: Fixture): Promise<void> {
  const limit = { tenant: alpha, kind: "test.v1.Limit", id: "limit" };
  const nothing = { name: "limit", data: new Uint8Array(), claims: [], references: [] };
  await store.transact(async (tx) => tx.create({ ...limit, ...nothing, limits: { gears } }));
}

/** Added up from the messages themselves. */
async function recount({ store, resources }: Fixture) {
  const slice = resources.slices.of(WidgetSchema.typeName);
  const rows = await store.list({ tenants: [alpha], kind: WidgetSchema.typeName, limit: 1_000 });
  const each = rows.map((row) => amountsOf(slice, messageOf(slice, WidgetSchema, row)) ?? {});
  const sum = (name: string) => each.reduce((total, one) => total + (one[name] ?? 0), 0);
  return { gears: sum("gears"), [WidgetSchema.typeName]: rows.length };
}

async function carryOut(cloud: Fixture, ids: string[], [deed, which, widget]: Deed, name: string): Promise<void> {
  const id = ids[which % Math.max(1, ids.length)];
  if (deed === "create") {
    const made = await cloud.create({ ...widget, name }).catch(() => undefined);
    if (made !== undefined) ids.push(made.id);
  } else if (id !== undefined && deed === "update")
    await outcome(cloud.update(id, widget, ["count", "parts", "slots"]));
  else if (id !== undefined && deed === "delete") await outcome(cloud.delete(id));
  else if (id !== undefined) await cloud.settle(id);
}

test("whatever is created, changed, refused and deleted: what is used is what adds up, and no more than there may be", async () => {
  const cloud = await openFixture({ widget: { reconciler: toyReconciler } });
  await limitGears(cloud);
  const ids: string[] = [];
  let made = 0;
  await fc.assert(
    fc.asyncProperty(deeds, async (given) => {
      for (const deed of given) {
        await carryOut(cloud, ids, deed, `n${++made}`);
        const used = await cloud.store.usage(alpha, ["gears", WidgetSchema.typeName]);
        expect(used).toEqual(await recount(cloud));
        expect(used.gears).toBeLessThanOrEqual(gears);
      }
    }),
    { numRuns: 30 },
  );
  await cloud.close();
});
