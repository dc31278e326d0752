import { describe, expect, test } from "@jest/globals";
import { Escape } from "./console-escape.ts";

/** What a person types, key by key, what the guest gets, and whether the console is left. */
const cases: readonly (readonly [string, string, boolean])[] = [
  ["ls\r", "ls\r", false],
  ["~.", "", true],
  ["ls\r~.", "ls\r", true],
  ["ls\n~.", "ls\n", true],
  ["a~.b", "a~.b", false],
  ["~~.", "~.", false],
  ["~x", "~x", false],
  ["\r~\r~.", "\r~\r", true],
  ["half\u001dmore", "half", true],
  ["\u0003\u0004", "\u0003\u0004", false],
];

describe.each(cases)("typing %j", (typed, passed, leave) => {
  test.each([1, 100])("in pieces of %d", (size) => {
    const escapes = new Escape();
    let got = "";
    let left = false;
    for (let at = 0; at < typed.length && !left; at += size) {
      const { bytes, leave: leaves } = escapes.take(Buffer.from(typed.slice(at, at + size)));
      got += bytes.toString();
      left = leaves;
    }
    expect({ got, left }).toEqual({ got: passed, left: leave });
  });
});
