import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { refresh, settle } from "./merge.ts";
import { checkApply, checkPlan, checkState } from "./oracle.ts";
import { plan } from "./plan.ts";
import { cases } from "./testing/random-schemas.ts";
import { show } from "./testing/widget.ts";

describe("plan() by Terraform's rules, for random schemas and values", () => {
  test("a creation is valid, its answer fits it, and planning again changes nothing", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, answer }) => {
        const created = plan(attributes, null, first);
        expect(checkPlan(attributes, null, first, created.planned, created.replaces)).toEqual([]);
        const state = settle(attributes, created.planned, answer);
        expect(checkApply(attributes, created.planned, state)).toEqual([]);
        const again = plan(attributes, state, first);
        expect([show(again.planned), again.changed, again.replaces]).toEqual([show(state), false, []]);
        expect(again.planned).toBe(state);
      }),
      { numRuns: 500 },
    );
  });

  test("a change with unknowns is valid and deterministic, and its answer fits it", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, second, answer }) => {
        const state = settle(attributes, plan(attributes, null, first).planned, answer);
        const changed = plan(attributes, state, second);
        expect(checkPlan(attributes, state, second, changed.planned, changed.replaces)).toEqual([]);
        expect(plan(attributes, state, second)).toEqual(changed);
        const applied = settle(attributes, changed.planned, answer);
        expect(checkApply(attributes, changed.planned, applied)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("a read that says the same leaves the state as it is, any other leaves a valid one", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, answer }) => {
        const state = settle(attributes, plan(attributes, null, first).planned, answer);
        expect(show(refresh(attributes, state, state))).toEqual(show(state));
        expect(checkState(attributes, refresh(attributes, state, answer))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
