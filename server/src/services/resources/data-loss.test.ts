// An update that loses data is refused, unless its caller says that it is meant.
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Fixture, openFixture, outcome } from "./testing/fixture.ts";

let cloud: Fixture;
let id: string;

beforeEach(async () => {
  cloud = await openFixture({
    widget: {
      async admit(_, next, prior) {
        // Left out, it stays as it is.
        if (next.size?.height === undefined && next.size !== undefined) next.size.height = prior?.message.size?.height;
        if (next.note === "thin" && next.size !== undefined) next.size.width = 1;
      },
      impact: (path, prior, next) => {
        const side = path === "size.width" ? "width" : "height";
        if (!path.startsWith("size.")) return "hot";
        return (next.size?.[side] ?? 0) < (prior.size?.[side] ?? 0) ? "data_loss" : "hot";
      },
    },
  });
  id = (await cloud.create({ name: "gear", size: { width: 8, height: 8 } })).id;
});
afterEach(() => cloud.close());

const sizeNow = async () => (await cloud.get(id)).size;

test("is refused, naming each field, and changes nothing", async () => {
  const before = await cloud.store.head();
  const change = cloud.update(id, { size: { width: 3, height: 2 }, note: "x" }, ["size.width", "size.height", "note"]);
  expect(await outcome(change)).toBe("DATA_LOSS size.width:data_loss size.height:data_loss");
  expect(await cloud.store.head()).toBe(before);
  await expect(cloud.update(id, { size: { width: 3 } }, ["size.width"])).rejects.toThrow(
    "size.width: this change destroys data that nothing brings back: write back what was taken away, or say that you mean it (photon-allow-data-loss: true)",
  );
});

test("is done where it is allowed, also under the key that was refused", async () => {
  const change = (allowsDataLoss?: boolean) =>
    cloud.update(
      id,
      { size: { width: 3 } },
      ["size.width"],
      {},
      {
        idempotencyKey: "k-1",
        ...(allowsDataLoss !== undefined && { allowsDataLoss }),
      },
    );
  expect(await outcome(change())).toBe("DATA_LOSS size.width:data_loss");
  expect(await outcome(change(false))).toBe("DATA_LOSS size.width:data_loss");
  expect((await change(true)).size).toMatchObject({ width: 3, height: 8 });
  expect((await change()).size).toMatchObject({ width: 3 });
});

test("what admission makes of it counts: it may keep what was left out, and take away what was not named", async () => {
  expect(await outcome(cloud.update(id, { size: {} }, ["size.height"]))).toBe("photoncloud.test.v1.Widget");
  expect(await sizeNow()).toMatchObject({ width: 8, height: 8 });
  expect(await outcome(cloud.update(id, { note: "thin" }, ["note"]))).toBe("DATA_LOSS size.width:data_loss");
});

test("what loses nothing needs no leave", async () => {
  expect((await cloud.update(id, { size: { width: 9 } }, ["size.width"])).size).toMatchObject({ width: 9 });
});
