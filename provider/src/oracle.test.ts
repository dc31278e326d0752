import { expect, test } from "@jest/globals";
import { unknown, type Value, type ValueMap } from "./cty/value.ts";
import { checkApply, checkPlan } from "./oracle.ts";
import { plan } from "./plan.ts";
import { attributes, basic, config, stateOf } from "./testing/widget.ts";

test("checkPlan() and checkApply() find what Terraform refuses", () => {
  const block = config(basic);
  const { planned: good } = plan(attributes, null, block);
  const change = (name: string, value: Value): ValueMap => new Map([...good, [name, value]]);
  expect(checkPlan(attributes, null, block, change("color", "blue"), [])).toEqual([
    "color is planned neither as configured nor as it was",
  ]);
  expect(checkPlan(attributes, null, block, change("note", "x"), [])).toEqual([
    "note was left out and is not computed, but is planned",
  ]);
  expect(checkPlan(attributes, null, block, change("passphrase", "secret"), [])).toEqual([
    "passphrase is write-only and must be planned null",
  ]);
  expect(checkPlan(attributes, null, block, good, [[{ attribute: "nowhere" }]])).toEqual([
    "nowhere forces replacement, but is nowhere",
  ]);
  const state = stateOf(basic);
  expect(checkApply(attributes, good, state)).toEqual([]);
  expect(checkApply(attributes, good, new Map([...state, ["color", "blue"]]))).toEqual([
    "color is not what was planned",
  ]);
  expect(checkApply(attributes, good, new Map<string, Value>([...state, ["id", unknown]]))).toEqual([
    "id is still unknown",
  ]);
  expect(checkApply(attributes, good, new Map<string, Value>([...state, ["id", null]]))).toEqual([
    "id was planned not to be null",
  ]);
});
