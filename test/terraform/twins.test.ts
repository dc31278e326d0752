// Of two blocks that say the same, each has its own resource, though a run was cut short: none takes up what the state holds of the other. What
// Terraform looks at a part of the state with, -target and plans that were saved with it, does not change that.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { isPartialPlan } from "../../provider/src/saved-plan.ts";
import { Drawer, subjectsOf } from "./every-field/subject.ts";
import type { Death } from "./faults/mortal.ts";
import { callsOf, idsOf, type Json, Sweep, type Swept } from "./faults/sweep.ts";
import { administrator, Workspace } from "./workspace.ts";

let cloud: TestCloud;
let of: Swept;
let plans: string;

/** Of Terraform's own resource: which provider it is of does not show in how much a plan is of. */
const twoOfThem = 'resource "terraform_data" "one" {}\nresource "terraform_data" "other" {}\n';

async function savePlans(): Promise<void> {
  plans = mkdtempSync(join(tmpdir(), "p"));
  const workspace = new Workspace(plans, { PATH: process.env.PATH ?? "", HOME: plans, CHECKPOINT_DISABLE: "1" });
  writeFileSync(join(plans, "main.tf"), twoOfThem);
  await workspace.must("init", "-input=false");
  await workspace.must("plan", "-input=false", "-out=whole");
  await workspace.must("plan", "-input=false", "-out=part", "-target=terraform_data.other");
  writeFileSync(join(plans, "sealed"), '{"meta":{},"encrypted_data":"AAAA"}');
  writeFileSync(join(plans, "values.tfvars.json"), '{"name":"gear"}');
}

beforeAll(async () => {
  cloud = await startTestCloud();
  const login = await administrator(cloud);
  const kinds = catalog().kinds.filter(({ noun }) => noun === "service_account");
  const subject = subjectsOf(kinds, new Drawer(1)).find(({ name }) => name === "labels");
  if (subject === undefined) throw new Error("there are no service accounts");
  of = { login, subject, config: subject.block() as Json };
  await savePlans();
});

afterAll(async () => {
  rmSync(plans, { recursive: true, force: true });
  await cloud.stop();
});

test.each([
  ["whole", false],
  ["part", true],
  ["sealed", true],
  ["values.tfvars.json", false],
  ["main.tf", false],
  ["none", false],
  [".", false],
])("isPartialPlan() of %s is %s", async (name, expected) => {
  expect(await isPartialPlan(join(plans, name))).toBe(expected);
});

describe("a creation after one that was cut short", () => {
  let one: Sweep;
  let other: Sweep;
  let others: readonly string[];

  beforeEach(async () => {
    one = new Sweep(of);
    other = new Sweep(of, one.folder);
    others = await idsOf(of);
  });
  afterEach(async () => {
    for (const each of [one, other]) await each.live("delete");
    expect(await idsOf(of)).toEqual(others);
    one.close();
  });

  const made = async (): Promise<readonly string[]> => (await idsOf(of)).filter((id) => !others.includes(id));

  /** No call is the thousandth: the provider dies when all is done. */
  const whenDone: Death = { of: "provider", call: 1_000, when: "before" };

  test("none takes up what the state holds of the other, though the provider died before it tidied up", async () => {
    await one.die("create", whenDone);
    const { id } = one;
    // What one process has read in the state, the next one knows.
    expect((await one.live("create")).changed).toBe(false);
    await other.live("create");
    expect([one.id, other.id === id]).toEqual([id, false]);
  });

  test.each([
    ["-target", () => "-target=the.other"],
    ["a plan that was saved with it", () => join(plans, "part")],
  ])("none takes it up though %s keeps it from being read", async (_name, argument) => {
    await one.die("create", whenDone);
    const { id } = one;
    await other.live("create", ["terraform", "apply", argument()]);
    expect(other.id).not.toBe(id);
    expect((await one.live("create")).changed).toBe(false);
    expect((await other.live("create")).changed).toBe(false);
  });

  test("the one that is named by -target is taken up where its answer was lost", async () => {
    const calls = await callsOf(of, "create");
    await one.die("create", { of: "provider", call: calls.length - 1, when: "after" });
    await one.live("create", ["terraform", "apply", "-target=the.one"]);
    expect(await made()).toEqual([one.id]);
  });

  test("a saved plan of all takes up what did not reach the state", async () => {
    await one.die("create", "deaf");
    await one.live("create", ["terraform", "apply", join(plans, "whole")]);
    expect(await made()).toEqual([one.id]);
  });
});
