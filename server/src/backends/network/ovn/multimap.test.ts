import { expect, test } from "@jest/globals";
import { Multimap } from "./multimap.ts";

test("a key has each of its values once, and is gone with the last", () => {
  const map = new Multimap();
  for (const value of ["a", "a", "b"]) map.add("key", value);
  expect([...map.get("key")]).toEqual(["a", "b"]);
  map.delete("key", "a");
  map.delete("key", "none");
  expect([...map.get("key")]).toEqual(["b"]);
  map.delete("key", "b");
  expect([map.has("key"), [...map.keys()]]).toEqual([false, []]);
});

test("a key of one value is another value's by no deletion", () => {
  const map = new Multimap();
  map.add("key", "a");
  map.delete("key", "b");
  expect([...map.get("key")]).toEqual(["a"]);
  map.delete("key", "a");
  expect(map.has("key")).toBe(false);
});
