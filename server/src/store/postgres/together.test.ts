// Which ends of runs may go into one transaction.
import { expect, test } from "@jest/globals";
import { keyOf, writeOf } from "../testing/fixtures.ts";
import type { Plan } from "../write/plan.ts";
import { settledAlone } from "./together.ts";

const key = keyOf("a");
const other = keyOf("b");
const task = { key, attempt: 0, step: "", since: 0, lease: "w/1" };
const plan: Plan = {
  now: 0,
  stamp: "s",
  guards: [],
  changes: [],
  events: [],
  schedules: [],
  remembers: [],
  expectations: [{ key, seen: { stamp: "s", phase: "live" } }],
  settles: [{ task, outcome: { outcome: "done" } }],
};

test.each<[string, Partial<Plan>, boolean]>([
  ["an end that writes what was observed", { changes: [{ key, observed: new Uint8Array() }] }, true],
  ["an end that removes its resource", { changes: [{ key, end: "remove" }] }, true],
  ["what is no end of a run", { settles: [] }, false],
  ["one that rests on another resource", { expectations: [{ key: other, seen: undefined }] }, false],
  ["one that changes another resource", { changes: [{ key: other, observed: new Uint8Array() }] }, false],
  ["one that asks for something", { changes: [{ key, put: { mode: "update", write: writeOf(key) } }] }, false],
  ["one that wakes another", { schedules: [{ key: other, at: 0 }] }, false],
  ["one that rests on a list", { guards: [{ name: "g", counter: 0 }] }, false],
])("%s", (_, more, goes) => {
  expect(settledAlone({ ...plan, ...more }) !== undefined).toBe(goes);
});
