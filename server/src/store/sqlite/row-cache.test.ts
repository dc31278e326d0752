import { expect, test } from "@jest/globals";
import type { StampedRow } from "../read/rows.ts";
import type { ResourceKey } from "../store.ts";
import { RowCache } from "./row-cache.ts";

const key = (id: string): ResourceKey => ({ tenant: { org: "acme", project: "alpha" }, kind: "test.Thing", id });

function rowOf(id: string, stamp: string, size = 10): StampedRow {
  const [nothing, times] = [new Uint8Array(), { createdAt: 1, updatedAt: 1 }];
  const data = new Uint8Array(size);
  const common = { name: id, phase: "live" as const, version: 1, observed: nothing, secret: nothing };
  return { stamp, amounts: undefined, row: { ...key(id), ...common, ...times, data } };
}

/** A file with one row, and how often it was read. */
function setUp(size?: number) {
  const cache = new RowCache();
  const file = { row: rowOf("a", "1", size), reads: 0 };
  const get = () =>
    cache.get(key("a"), () => {
      file.reads++;
      return file.row;
    })?.stamp;
  return { cache, file, get };
}

test("a row is read once, and so is that there is none", () => {
  const { cache, file, get } = setUp();
  expect([get(), get()]).toEqual(["1", "1"]);
  expect(file.reads).toBe(1);
  cache.get(key("b"), () => undefined);
  cache.get(key("b"), () => {
    throw new Error("read twice");
  });
});

test("a row that is being written is read from the file until all its writes have ended", () => {
  const { cache, file, get } = setUp();
  get();
  const [first, second] = [
    cache.begin({ changes: [{ key: key("a") }] }),
    cache.begin({ changes: [{ key: key("a") }] }),
  ];
  expect(get()).toBe("1");
  file.row = rowOf("a", "2");
  expect(get()).toBe("2");
  first();
  file.row = rowOf("a", "3");
  expect(get()).toBe("3");
  second();
  expect([get(), get()]).toEqual(["3", "3"]);
  expect(file.reads).toBe(5);
});

test("a large row is not kept", () => {
  const { file, get } = setUp(100_000);
  expect([get(), get()]).toEqual(["1", "1"]);
  expect(file.reads).toBe(2);
});
