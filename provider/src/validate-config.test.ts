import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { unknown } from "./cty/value.ts";
import { block, capable, Played, signal, typeName } from "./testing/played.ts";

const basic = { name: "gear", color: "red" };

let played: Played;

beforeEach(async () => {
  played = await Played.open();
});
afterEach(() => played.close());

describe("validation", () => {
  const problems = async (config: Record<string, unknown>, client = capable) => {
    const { diagnostics } = await played.provider.validateResourceConfig(
      { typeName, config: block(config), clientCapabilities: client },
      signal(),
    );
    return (diagnostics ?? []).map((d) => {
      const steps = d.attribute?.steps?.map((s) => s.selector?.value) ?? [];
      return `${steps.join("/")}: ${d.detail}`;
    });
  };

  test.each<[string, Record<string, unknown>, string[]]>([
    ["nothing", basic, []],
    [
      "unknowns anywhere",
      {
        name: unknown,
        color: unknown,
        parts: [unknown, { name: unknown }],
        due: unknown,
        tags: [unknown],
        steps: [unknown],
        spares: unknown,
        shape: unknown,
      },
      [],
    ],
    [
      "a word that is no value of an enum",
      { ...basic, shape: "blue" },
      ['shape: "blue" was given; "round", "square" are allowed.'],
    ],
    [
      "a number beyond its range",
      { ...basic, widget_count: 1001 },
      ["widget_count: 1001 was given; 0 to 1000 is allowed."],
    ],
    ["a fraction", { ...basic, big: 1.5 }, ["big: 1.5 was given; a whole number is allowed."]],
    [
      "no duration",
      { ...basic, patience: "long" },
      ['patience: "long" was given; a duration, for example "1h30m" or "45s" is allowed.'],
    ],
    [
      "a timeout that is no duration",
      { ...basic, timeouts: { create: "x" } },
      ['timeouts: timeouts.create: "x" was given; a duration, for example "1h30m" or "45s" is allowed.'],
    ],
    [
      "two of one kind",
      { ...basic, paint: "a", polish: 1 },
      ["polish: paint is given too; at most one of paint, varnish, polish is allowed."],
    ],
  ])("finds %s", async (_name, config, expected) => {
    expect(await problems(config)).toEqual(expected);
  });

  test("finds all problems at once, each at its place", async () => {
    const found = await problems({ ...basic, name: "Not A Name", slots: { left: { name: "l", amount: -1 } } });
    expect(found.map((f) => f.split(":")[0]).sort()).toEqual(["name", "slots/left"]);
  });

  test("refuses a write-only value with a Terraform that would store it", async () => {
    const old = { ...capable, writeOnlyAttributesAllowed: false };
    expect(await problems({ ...basic, passphrase: "correct horse" }, old)).toEqual([
      expect.stringContaining("Terraform 1.11 or newer"),
    ]);
  });
});
