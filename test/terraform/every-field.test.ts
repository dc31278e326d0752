// Every place where a user may write a value, of every kind of a component, with the real Terraform: set, changed, drifted, imported, taken away. One
// configuration holds a resource for each place, so that a run of Terraform tries them all.
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { disappear, drift } from "./every-field/cloud-side.ts";
import { untold } from "./every-field/known.ts";
import { leafOf } from "./every-field/places.ts";
import { isIn, type State, valueIn } from "./every-field/state.ts";
import { Drawer, type Resources, resourcesOf, type Subject, standing, subjectsOf } from "./every-field/subject.ts";
import { Stage } from "./stage.ts";
import { administrator, type Diagnostic, type Login, type Workspace } from "./workspace.ts";

const seed = Number(process.env.PHOTON_SEED ?? Date.now() % 1_000_000);
let stage: Stage;
let login: Login;
let workspace: Workspace;

beforeAll(async () => {
  stage = await Stage.set(administrator);
  login = stage.login;
  await stage.cloud.tenant("acme-corp", "project-beta");
  await stage.cloud.tenant("other-corp", "project-alpha");
  workspace = await stage.open();
});

afterAll(() => stage.close());

/** What can't go back to what it was: disks only grow, and a size goes back with its flavor alone. */
const lasting = new Set([
  "photoncloud_vm.spec_disks",
  "photoncloud_vm.spec_disks_size_gib",
  "photoncloud_vm.spec_flavor_id",
]);

const importIdOf = ({ org_id: org, project_id: project, id }: Readonly<Record<string, unknown>>): string =>
  [org, project, id].filter((part) => typeof part === "string" && part !== "").join("/");

/** The plans before have asked the cloud already: an apply need not ask again. */
const checks = {
  variable: { checks: { default: true } },
  provider: { photoncloud: { plan_checks: `\${var.checks}` } },
};

type Changes = Readonly<Record<string, string>>;

let stands: Resources = {};
/** Writes the configuration as the subjects are now, with what they refer to. */
function write(subjects: readonly Subject[], drawer: Drawer): void {
  stands = standing(
    subjects.map((s) => s.block()),
    drawer,
    stands,
  );
  const resource = resourcesOf(subjects, stands);
  workspace.writeJson({ ...checks, resource });
}

/** What went wrong, of all subjects: one that fails takes no further part. */
const failures: string[] = [];
let all: readonly Subject[] = [];
let drawer: Drawer;

const isError = (d: Diagnostic): boolean => d.severity === "error";

/** Leaves out those that a command has failed on; false where it has failed on none of them. */
function leaveOut(problems: readonly Diagnostic[]): boolean {
  const failed = new Set(problems.map((d) => d.address));
  failures.push(...problems.map((d) => `${d.address}: ${d.summary}: ${d.detail}`));
  const left = all.filter((s) => !failed.has(s.address));
  const some = left.length < all.length;
  all = left;
  write(all, drawer);
  return some;
}

/** Runs a command, again without those that it fails on. */
async function without(command: () => Promise<readonly Diagnostic[]>): Promise<void> {
  for (let problems = await command(); problems.length > 0; problems = await command())
    if (!leaveOut(problems)) throw new Error(failures.join("\n"));
}

async function apply(): Promise<State> {
  const flags = ["-auto-approve", "-input=false", "-parallelism=64", "-var=checks=false"];
  await without(async () => (await workspace.diagnostics("apply", ...flags)).filter(isError));
  return workspace.state();
}

/** How a change at a subject's place shows in a plan. */
const changing = (subjects: readonly Subject[]): Changes =>
  Object.fromEntries(subjects.map((s) => [s.address, s.place.replaces ? "replace" : "update"]));

/** What a plan shows of the subjects: what they refer to may come and go with them. */
async function planned(): Promise<Changes> {
  let plan: Changes = {};
  await without(async () => {
    const answer = await workspace.planned("-input=false");
    plan = answer.changes;
    return answer.diagnostics.filter(isError);
  });
  const own = new Set(all.map((s) => s.address));
  return Object.fromEntries(Object.entries(plan).filter(([address]) => own.has(address)));
}

function compare(phase: string, actual: Changes, expected: Changes): void {
  for (const { address } of all)
    if (actual[address] !== expected[address])
      failures.push(`${phase}: ${address}: planned ${actual[address]}, not ${expected[address]}`);
}

/** The state as the cloud has it. */
async function refreshed(): Promise<State> {
  await workspace.must("apply", "-refresh-only", "-auto-approve", "-input=false", "-var=checks=false");
  return workspace.state();
}

/** What an apply left in the state is what there is: nothing that followed from the change is from before it. */
function stale(phase: string, state: State, actual: State): void {
  for (const { address } of all) {
    const [left, is] = [state[address] ?? {}, actual[address] ?? {}];
    for (const name of Object.keys(is))
      if (!isDeepStrictEqual(left[name], is[name]))
        failures.push(
          `stale after ${phase}: ${address}.${name}: ${JSON.stringify(left[name])}, not ${JSON.stringify(is[name])}`,
        );
  }
}

async function step(phase: string, expected: Changes): Promise<State> {
  compare(phase, await planned(), expected);
  const state = await apply();
  stale(phase, state, await refreshed());
  compare(`after ${phase}`, await planned(), {});
  return state;
}

/** A value that is taken away goes, unless the cloud has one of its own; of one that is written only, its version goes. */
const goes = (state: State, subject: Subject): boolean =>
  leafOf(subject.place).writeOnly || (!leafOf(subject.place).computed && (valueIn(state, subject) ?? null) !== null);

/** Whether somebody else can change what stands there, and Terraform sees it. */
const drifts = (before: State, after: State, subject: Subject): boolean =>
  !subject.place.replaces &&
  !leafOf(subject.place).writeOnly &&
  !lasting.has(subject.address) &&
  before[subject.address]?.id === after[subject.address]?.id &&
  !isDeepStrictEqual(valueIn(before, subject) ?? null, valueIn(after, subject) ?? null);

async function importAll(subjects: readonly Subject[], state: State): Promise<void> {
  const elsewhere = await stage.open();
  try {
    const resource = resourcesOf(subjects, stands, { own: false });
    const imports = Object.entries(resource).flatMap(([type, of]) => Object.keys(of).map((name) => `${type}.${name}`));
    const blocks = imports.map((to) => ({ to, id: importIdOf(state[to] ?? {}) }));
    elsewhere.writeJson({ import: blocks, resource });
    // Nothing but an import: one that changes something is called an update.
    expect(Object.entries(await elsewhere.plan()).filter(([, action]) => action !== "import")).toEqual([]);
    await elsewhere.apply();
    expect(await elsewhere.plan()).toEqual({});
  } finally {
    elsewhere.close();
  }
}

/** PHOTON_COMPONENTS=iam tries that one alone. */
const components = process.env.PHOTON_COMPONENTS?.split(",") ?? [...new Set(catalog().kinds.map((k) => k.component))];

test.each(components)(
  `of %s's kinds, with values drawn from ${seed}`,
  async (component) => {
    drawer = new Drawer(seed);
    stands = {};
    failures.length = 0;
    all = subjectsOf(
      catalog().kinds.filter((kind) => kind.component === component),
      drawer,
    );
    write(all, drawer);
    let state = await step("create", Object.fromEntries(all.map((s) => [s.address, "create"])));
    let before = state;
    for (const phase of ["set", "change"]) {
      before = state;
      const changed = all.filter((s) => s.change((value) => isIn(state, s, value)));
      write(all, drawer);
      state = await step(phase, changing(changed));
    }
    const drifting = all.filter((s) => drifts(before, state, s));
    for (const subject of drifting)
      await drift(login, subject, before[subject.address] ?? {}).catch((error: unknown) =>
        failures.push(String(error)),
      );
    state = await step("drift", changing(drifting));
    await importAll(all, state).catch((error: unknown) => failures.push(`import: ${String(error)}`));
    const cleared = all.filter((s) => s.clear() && goes(state, s));
    write(all, drawer);
    state = await step("clear", changing(cleared));
    for (const subject of all) await disappear(login, subject.kind, state[subject.address] ?? {});
    await step("disappear", Object.fromEntries(all.map((s) => [s.address, "create"])));
    await workspace.destroy();
    expect(failures).toEqual([]);
  },
  900_000,
);

test("what the annotations do not tell of values may only shrink", () => {
  expect(untold).toBeLessThanOrEqual(62);
});
