// Flags over the test kind that has every shape a field may have (docs/value-mapping.md).
import { expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { testCatalog } from "@photoncloud/proto/testing";
import { Command } from "commander";
import { addFieldOptions, givenFlags } from "./field-options.ts";
import { flagsOf } from "./flags.ts";
import { applyFlags, type Input } from "./input.ts";
import { wordsOf } from "./testing/run.ts";
import { UsageError } from "./usage-error.ts";

const widget = testCatalog().byNoun("widget");
if (widget === undefined) throw new Error("the test catalog lacks its widget");
const kind = widget;
const flags = flagsOf(kind.fields, false);

function inputOf(line: string): Input {
  const command = addFieldOptions(new Command(), kind, flags).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  command.parse(wordsOf(line), { from: "user" });
  const input: Input = {};
  applyFlags(input, flags, givenFlags(command, flags));
  return input;
}

const given: readonly [string, Input][] = [
  ["--color red", { color: "red" }],
  ["--note=", { note: "" }],
  ["--count 7", { count: 7 }],
  ["--big -9223372036854775808", { big: -9223372036854775808n }],
  ["--ratio 0.5", { ratio: 0.5 }],
  ["--enabled", { enabled: true }],
  ["--enabled false", { enabled: false }],
  ["--no-enabled", { enabled: false }],
  ["--blob AQ==", { blob: new Uint8Array([1]) }],
  ["--shape round", { shape: "round" }],
  ["--due 2026-01-31T12:00:00Z", { due: "2026-01-31T12:00:00Z" }],
  ["--patience 90", { patience: "90s" }],
  ["--patience 1m30s", { patience: "90s" }],
  ["--patience 2h", { patience: "7200s" }],
  ["--patience 0.5s", { patience: "0.5s" }],
  ["--size.width 3 --size.height 4", { size: { width: 3, height: 4 } }],
  ["--size '{width: 3}' --size.height 4", { size: { width: 3, height: 4 } }],
  ["--steps a --steps b", { steps: ["a", "b"] }],
  ["--tags=", { tags: [] }],
  ["--parts '{name: a, from_id: w}' --parts '{name: b}'", { parts: [{ name: "a", fromId: "w" }, { name: "b" }] }],
  ["--parts '[{name: a}, {name: b}]'", { parts: [{ name: "a" }, { name: "b" }] }],
  ["--notes a=b=c --notes d=", { notes: { a: "b=c", d: "" } }],
  ["--slots 'web={name: a}'", { slots: { web: { name: "a" } } }],
  ["--paint blue", { paint: "blue" }],
  ["--varnish.matte", { varnish: { matte: true } }],
  ["--polish 0", { polish: 0 }],
];

test.each(given)("%s gives %p", (line, expected) => {
  expect(inputOf(line)).toEqual(expected);
});

const refused = [
  "--count x",
  "--count 1.5",
  "--big 1e3",
  "--ratio many",
  "--enabled maybe",
  "--shape oval",
  "--patience soon",
  "--patience 1h30",
  "--notes a",
  "--slots =x",
  "--color a --color b",
];
test.each(refused)("%s is refused with the flag's name", (line) => {
  expect(() => inputOf(line)).toThrow(UsageError);
  expect(() => inputOf(line)).toThrow(new RegExp(wordsOf(line)[0] ?? ""));
});

test("outputs, tenants and a secret's value have no flag", () => {
  for (const line of ["--serial x", "--ticket x", "--org-id x", "--passphrase x"])
    expect(() => inputOf(line)).toThrow(/unknown option/);
});

test("what says all by being there is a flag without a value", () => {
  const route = catalog().byNoun("route");
  const ofRoute = flagsOf(route?.fields ?? [], false).filter(({ name }) => name === "drop");
  const command = addFieldOptions(new Command(), route ?? kind, ofRoute).exitOverride();
  command.parse(["--drop"], { from: "user" });
  const input: Input = {};
  applyFlags(input, ofRoute, givenFlags(command, ofRoute));
  expect(input).toEqual({ drop: {} });
});
