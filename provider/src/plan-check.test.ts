import { beforeEach, describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { KindCalls } from "./cloud.ts";
import { unknown, type Value, type ValueMap } from "./cty/value.ts";
import { Deadline } from "./deadline.ts";
import { plan } from "./plan.ts";
import { ask, askDeletion, type Question } from "./plan-check.ts";
import { resourceSchema } from "./schema.ts";
import { FakeCloud, FakeError } from "./testing/cloud.ts";
import { Walk } from "./walk.ts";

const kind = testCatalog().byNoun("widget");
if (kind === undefined) throw new Error("the test kind is missing");
const widget = kind;
const { attributes } = resourceSchema(widget);

let cloud: FakeCloud;
let walk: Walk;

beforeEach(() => {
  cloud = new FakeCloud(widget, (resource) => resource);
  walk = new Walk();
});

const state = (given: Readonly<Record<string, Value>>): ValueMap =>
  new Map(attributes.map((a): [string, Value] => [a.name, given[a.name] ?? null]));
const gear = { org_id: "acme", project_id: "web", name: "gear", color: "red" };

function asked(given: Readonly<Record<string, Value>>, more: Partial<Question> = {}) {
  const config = state(given);
  const { planned } = plan(attributes, more.prior ?? null, config);
  const at = { org: "acme", project: "web", id: more.prior === undefined ? "" : "w-1" };
  const calls = new KindCalls(cloud, widget);
  const question = {
    calls,
    attributes,
    prior: null,
    planned,
    config,
    at,
    mask: [],
    replaces: false,
    what: "widget gear",
  };
  return ask({ ...question, ...more }, walk, new Deadline(1000, new AbortController().signal));
}

function refusing(code: string, message: string, violations: FakeError["violations"] = []): void {
  cloud.before = () => {
    throw new FakeError(code, code.toUpperCase(), message, { violations });
  };
}

/** A change of its color. */
const blue = { ...gear, color: "blue" };
const change = { prior: state({ ...gear, id: "w-1" }), mask: ["color"] };
const atColor = [{ attribute: "color" }];

const severities = async (answer: ReturnType<typeof asked>) => (await answer).diagnostics.map((d) => d.severity);

describe("ask()", () => {
  test("hands over what is given, and the paths of what is not known yet", async () => {
    await asked({ ...gear, note: unknown, labels: new Map<string, Value>([["a", unknown]]) });
    expect(cloud.calls[0]?.request).toMatchObject({
      widget: { name: "gear", color: "red" },
      unknownPaths: expect.arrayContaining(["note", 'labels["a"]']),
      id: "",
    });
  });

  const taken = [{ path: "name", rule: "unique", message: '"gear" is taken by orgs/acme/projects/web/widgets/w-12' }];
  test("a refusal is an error at its attribute", async () => {
    refusing("already_exists", "taken", taken);
    const { diagnostics } = await asked(gear);
    expect(diagnostics).toMatchObject([{ severity: "error", path: [{ attribute: "name" }] }]);
    expect(diagnostics[0]?.detail).toContain("Request id: req-1");
  });

  test("a refusal for what the configuration manages is a warning, and nothing where it is replaced", async () => {
    refusing("already_exists", "taken", taken);
    walk.manages("widget", state({ ...gear, id: "w-12" }));
    expect(await severities(asked(gear))).toEqual(["warning"]);
    expect(await severities(asked(gear, { replaces: true }))).toEqual([]);
  });

  test("a reference to what the same plan creates is no refusal", async () => {
    refusing("invalid_argument", "no", [{ path: "note", rule: "unknown_reference", message: "create it first" }]);
    walk.willCreate(state({ id: "alice" }));
    expect(await severities(asked({ ...gear, note: "user:acme/alice" }))).toEqual([]);
    expect(await severities(asked({ ...gear, note: "user:acme/bob" }))).toEqual(["error"]);
  });

  test("what may pass is a warning", async () => {
    refusing("failed_precondition", "not now");
    expect(await severities(asked(gear))).toEqual(["warning"]);
  });

  test.each(["unavailable", "deadline_exceeded", "unimplemented"])(
    "%s is one warning, and nothing more is asked",
    async (code) => {
      refusing(code, "no");
      expect((await Promise.all([severities(asked(gear)), severities(asked(gear))])).flat()).toEqual(["warning"]);
      await asked(gear);
      expect(cloud.calls).toHaveLength(2);
    },
  );

  test.each([
    ["IMPACT_HOT", false, []],
    ["IMPACT_RESTART", false, ["warning: This change restarts it"]],
    ["IMPACT_DATA_LOSS", false, ["error: This change loses data"]],
    ["IMPACT_DATA_LOSS", true, ["warning: This change loses data"]],
  ])("%s, where a loss is allowed: %s", async (impact, allowed, expected) => {
    walk.allowsDataLoss = allowed;
    cloud.foreseen = { resource: {}, changes: [{ path: "color", impact }] };
    const { diagnostics } = await asked(blue, change);
    expect(diagnostics.map((d) => `${d.severity}: ${d.summary}`)).toEqual(expected);
    for (const { detail, path } of diagnostics)
      expect([detail, path]).toEqual([expect.stringMatching("gear"), atColor]);
  });

  test("says once that a change restarts it, at what was written", async () => {
    const impact = "IMPACT_RESTART";
    cloud.foreseen = {
      resource: {},
      changes: [
        { path: "serial", impact },
        { path: "color", impact },
      ],
    };
    const { diagnostics } = await asked(blue, change);
    const detail = "widget gear is stopped and started again, once, also for serial.";
    expect(diagnostics).toEqual([{ severity: "warning", summary: "This change restarts it", path: atColor, detail }]);
  });

  test("warns once of all who may do more or less after it", async () => {
    const scope = "org/acme";
    const access = [
      { principal: "user:acme/bob", scope, gives: ["compute:vms:stop"], takes: ["compute:vms:get", "and 3 more"] },
      { principal: "user:system/eve", scope: "", gives: [], takes: ["compute:vms:stop (in part)"] },
      { principal: "and 7 more", scope: "", gives: [], takes: [] },
    ];
    cloud.foreseen = { resource: {}, changes: [{ path: "", impact: "IMPACT_CREATE", access }] };
    expect((await asked(gear)).diagnostics).toEqual([
      {
        severity: "warning",
        summary: "This changes who may do what",
        detail: [
          "With widget gear:",
          "- user:acme/bob gets compute:vms:stop and loses compute:vms:get, and 3 more at org/acme",
          "- user:system/eve loses compute:vms:stop (in part) at the system",
          "- and 7 more",
        ].join("\n"),
      },
    ]);
  });
});

describe("askDeletion()", () => {
  const at = { org: "acme", project: "web", id: "w-1" };
  const deletion = (plansDeletion: boolean, isReplaced = false) => {
    const calls = new KindCalls(cloud, { ...widget, plansDeletion });
    return askDeletion(
      { calls, attributes, at, what: "widget gear", isReplaced },
      walk,
      new Deadline(1000, new AbortController().signal),
    );
  };
  const access = [{ principal: "user:acme/bob", scope: "org/acme", gives: [], takes: ["compute:vms:stop"] }];

  test("warns of who may do more or less without it", async () => {
    cloud.foreseen = { resource: {}, changes: [{ path: "", impact: "IMPACT_DELETE", access }] };
    const detail = "With widget gear gone:\n- user:acme/bob loses compute:vms:stop at org/acme";
    expect(await deletion(true)).toEqual([{ severity: "warning", summary: "This changes who may do what", detail }]);
    expect(cloud.calls[0]?.request).toMatchObject({ id: "w-1", deletion: true });
  });

  test("leaves it to what takes its place to say who may do more or less", async () => {
    cloud.foreseen = { resource: {}, changes: [{ path: "", impact: "IMPACT_DELETE", access }] };
    expect(await deletion(true, true)).toEqual([]);
  });

  test("warns once where the cloud can't be asked", async () => {
    refusing("unavailable", "can't reach it");
    const told = await Promise.all([deletion(true), deletion(true)]);
    expect(told.flat()).toMatchObject([{ severity: "warning", detail: expect.stringContaining("can't reach it.") }]);
  });

  test("asks nothing of kinds that can't be asked, in an apply, or after the cloud was silent", async () => {
    await deletion(false);
    walk.asking = false;
    await deletion(true);
    expect(cloud.calls).toEqual([]);
  });

  test("refuses what is protected", async () => {
    refusing("PROTECTED", "it is protected");
    expect(await deletion(true)).toMatchObject([
      { severity: "error", detail: expect.stringContaining("it is protected") },
    ]);
  });

  test("says nothing where the cloud refuses for more: what is in the way may go in the same apply", async () => {
    refusing("failed_precondition", "it is in use");
    expect(await deletion(true)).toEqual([]);
  });
});
