// What a change of a resource with thousands of claims costs in statements: what changes, and no more.
import { describe, expect, test } from "@jest/globals";
import { runSync, type Statement } from "../sql/script.ts";
import { keyOf, writeOf } from "../testing/fixtures.ts";
import { replaceClaims } from "./claims.ts";
import type { Change } from "./plan.ts";

const claim = (at: number) => ({ space: `member/${at}`, key: "group" });
const many = Array.from({ length: 5_000 }, (_, at) => claim(at));

/** The statements that write, as "INSERT 1": what they do to how many claims. */
function written(had: readonly ReturnType<typeof claim>[], next: typeof had): readonly string[] {
  const mode = had.length === 0 ? "create" : "update";
  const key = keyOf("large");
  const change: Change = { key, put: { mode, write: writeOf(key, { claims: next }), had: undefined } };
  const [expectations, guards, events, schedules, settles, remembers] = [[], [], [], [], [], []];
  const plan = { now: 0, stamp: "", changes: [change], expectations, guards, events, schedules, settles, remembers };
  const done: string[] = [];
  const execute = ({ text, values, counts }: Statement) => {
    if (!counts) return had;
    const changed = values.length / (text.startsWith("INSERT") ? 6 : 2);
    done.push(`${text.slice(0, 6)} ${changed}`);
    return [{ changed }];
  };
  runSync(replaceClaims(plan), execute);
  return done;
}

describe("replaceClaims()", () => {
  test("writes one row where one claim comes or goes", () => {
    expect(written(many, [...many, claim(5_000)])).toEqual(["INSERT 1"]);
    expect(written(many, many.slice(1))).toEqual(["DELETE 1"]);
    expect(written(many, many)).toEqual([]);
  });

  test("takes and drops thousands by some dozens of statements", () => {
    expect(written([], many)).toHaveLength(39 + 8);
    expect(written(many, [])).toHaveLength(39 + 8);
  });
});
