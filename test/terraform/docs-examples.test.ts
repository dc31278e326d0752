// The examples on the provider's pages beside the resources' own: each is run, by the real Terraform where it knows the sort, otherwise by a played one.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { docs } from "../../provider/scripts/docs.ts";
import { exampleOf } from "../../provider/scripts/example-block.ts";
import { someId } from "../../provider/scripts/usage-examples.ts";
import { actionSchemas } from "../../provider/src/action/action-schema.ts";
import { ephemeralSchemas } from "../../provider/src/ephemeral/index.ts";
import { functionsOf } from "../../provider/src/functions/index.ts";
import { identitySchema } from "../../provider/src/identity.ts";
import { json, type PlayedTerraform, schemaOf, sentences, shown } from "./played.ts";
import { Stage } from "./stage.ts";
import { administrator, type Workspace } from "./workspace.ts";

const pages = docs(catalog());
const { kinds } = catalog();
const nouns = kinds.map(({ noun }) => noun);
const actions = actionSchemas(catalog());

let stage: Stage;
let terraform: PlayedTerraform;
let workspace: Workspace;
/** A resource of every kind, as its page shows it. */
let resources: string;
let states: Record<string, Record<string, unknown>>;

/** The example of a page. @throws Error where it has none */
function exampleAt(page: string): string {
  const [, example] = /```terraform\n([\s\S]*?\n)```/.exec(pages.get(page) ?? "") ?? [];
  if (example === undefined) throw new Error(`${page} has no example`);
  return example;
}

const idOf = (noun: string): unknown => states[`photoncloud_${noun}.it`]?.id;

/** What an expression of HCL is, evaluated by Terraform beside the resources. */
async function evaluate(expressions: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const outputs = Object.entries(expressions).map(([name, hcl]) => `output "${name}" {\n  value = ${hcl}\n}\n`);
  workspace.write(resources + outputs.join(""));
  await workspace.apply();
  const shown: Record<string, { value: unknown }> = JSON.parse(await workspace.must("output", "-json"));
  return Object.fromEntries(Object.entries(shown).map(([name, { value }]) => [name, value]));
}

beforeAll(async () => {
  stage = await Stage.set(administrator);
  terraform = stage.terraform;
  const blocks = kinds.flatMap((kind) => exampleOf(kind).hcl.split(/^(?=resource )/m));
  const distinct = new Map(blocks.map((block) => [block.slice(0, block.indexOf("\n")), block]));
  resources = [...distinct.values()].join("");
  // While there is one external network, an elastic IP that names none is of that one.
  const another = [...distinct.keys()].find((head) => head.includes('"photoncloud_external_network"'));
  const others = [...distinct].filter(([head]) => head !== another).map(([, block]) => block);
  workspace = await stage.open(others.join(""));
  await workspace.apply();
  workspace.write(resources);
  await workspace.apply();
  states = await workspace.state();
  await terraform.configure();
});

afterAll(() => stage.close());

test("every data source's finds what the resource's made", async () => {
  const found = nouns.map((noun) => exampleAt(`data-sources/${noun}.md`).replace(someId, String(idOf(noun))));
  workspace.write(resources + found.join(""));
  await workspace.apply();
  const all = await workspace.state();
  const ids = Object.fromEntries(nouns.map((noun) => [noun, all[`data.photoncloud_${noun}.it`]?.id]));
  expect(ids).toEqual(Object.fromEntries(nouns.map((noun) => [noun, idOf(noun)])));
});

test("every plural data source's finds it among others", async () => {
  const found = kinds.map(({ plural }) => exampleAt(`data-sources/${plural}.md`));
  workspace.write(resources + found.join(""));
  await workspace.apply();
  const all = await workspace.state();
  for (const { noun, plural } of kinds) {
    const data = all[`data.photoncloud_${plural}.found`];
    expect([noun, data?.ids]).toEqual([noun, expect.arrayContaining([idOf(noun)])]);
  }
});

/** The whole system's, which the list of a project leaves out. */
const elsewhere = ["external_network"];

test.each(nouns.filter((noun) => !elsewhere.includes(noun)))("the list of every %s finds it", async (noun) => {
  const example = exampleAt(`list-resources/${noun}.md`);
  // Terraform itself reads the rest of the block: it has no configuration of ours.
  expect(example).toBe(`list "photoncloud_${noun}" "all" {\n  provider = photoncloud\n}\n`);
  const request = { typeName: `photoncloud_${noun}`, config: json({}), limit: 100, includeResourceObject: true };
  const events = await terraform.stream("listResource", request);
  expect(events.flatMap(({ diagnostic }) => sentences(diagnostic))).toEqual([]);
  const { attributes } = identitySchema(schemaOf(noun));
  expect(events.map(({ identity }) => shown(attributes, identity?.identityData)?.id)).toContain(idOf(noun));
});

test("every function's answers what its comment says", async () => {
  const names = Object.keys(functionsOf(catalog()));
  const said = names.map((name) => /value = (.*) # (.*)\n/.exec(exampleAt(`functions/${name}.md`)) ?? []);
  const calls = await evaluate(Object.fromEntries(names.map((name, i) => [name, said[i]?.[1] ?? ""])));
  const answers = await evaluate(Object.fromEntries(names.map((name, i) => [name, said[i]?.[2] ?? ""])));
  expect(calls).toEqual(answers);
});

test("every ephemeral resource's opens and closes", async () => {
  const types = ephemeralSchemas(catalog()).map(({ typeName }) => typeName.replace("photoncloud_", ""));
  workspace.write(resources + types.map((type) => exampleAt(`ephemeral-resources/${type}.md`)).join(""));
  expect(await workspace.plan()).toEqual({});
});

/** What the resource's example is not ready for: the action tells so. The list may only shrink. */
const refused: readonly (readonly [string, RegExp])[] = [
  ["break_glass_approve", /another person must/],
  ["host_abort_drain", /is not being drained/],
  ["host_drain", /is off, so that nothing can be moved/],
  ["vm_cancel_vm_move", /is not being moved/],
];

/** A machine is done these in turn; everything else in the catalog's order, before. */
const inTurn = ["vm_stop", "vm_restore", "vm_start", "vm_reset", "vm_migrate"].map((name) => `photoncloud_${name}`);
const ordered = actions.toSorted((one, other) => inTurn.indexOf(one.typeName) - inTurn.indexOf(other.typeName));

test("every action's is done, or tells what it needs", async () => {
  const configs = actions.map(({ typeName }) => {
    const [, body] =
      /config (\{[\s\S]*?\n {2}\})\n/.exec(exampleAt(`actions/${typeName.slice("photoncloud_".length)}.md`)) ?? [];
    return [typeName, body ?? ""];
  });
  const given = await evaluate(Object.fromEntries(configs));
  const problems: Record<string, readonly string[]> = {};
  for (const { typeName } of ordered) {
    const config = json(given[typeName]);
    const { diagnostics } = await terraform.call("validateActionConfig", { actionType: typeName, config });
    expect([typeName, sentences(diagnostics)]).toEqual([typeName, []]);
    const events = await terraform.stream("invokeAction", { actionType: typeName, config });
    const last = events.at(-1)?.type;
    problems[typeName] = last?.$case === "completed" ? sentences(last.value.diagnostics) : ["it did not complete"];
  }
  const expected = actions.map(({ typeName }) => {
    const [, why] = refused.find(([name]) => typeName === `photoncloud_${name}`) ?? [];
    return [typeName, why === undefined ? [] : [expect.stringMatching(why)]];
  });
  expect(problems).toEqual(Object.fromEntries(expected));
});
