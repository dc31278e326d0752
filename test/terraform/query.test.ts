// `terraform query` (1.14), played by grpc-js against a cloud: what lists find can be imported, and its configuration changes nothing.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { exampleOf } from "../../provider/scripts/example-block.ts";
import { identitySchema } from "../../provider/src/identity.ts";
import { json, PlayedTerraform, schemaOf, sentences, shown } from "./played.ts";
import { reattach } from "./reattached.ts";
import { as, Stage } from "./stage.ts";
import type { Workspace } from "./workspace.ts";

let stage: Stage;
let terraform: PlayedTerraform;
let states: Record<string, Record<string, unknown>>;
let workspace: Workspace;

const listed = ["vpc", "subnet", "port", "security_group", "role", "image", "vm"];
const kindNamed = (noun: string) => schemaOf(noun).kind;

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  terraform = stage.terraform;
  const more = ["a", "b"].map(
    (name) =>
      `resource "photoncloud_vpc" "${name}" {\n  name = "${name}"\n  cidr = "10.1.0.0/16"\n  labels = { env = "prod" }\n}\n`,
  );
  const blocks = listed.flatMap((noun) => exampleOf(kindNamed(noun)).hcl.split(/^(?=resource )/m));
  const distinct = new Map(blocks.map((block) => [block.slice(0, block.indexOf("\n")), block]));
  const all = [...distinct.values(), ...more].join("");
  workspace = await stage.open(all);
  await workspace.apply();
  states = await workspace.state();
  await terraform.configure();
});

afterAll(() => stage.close());

async function list(noun: string, config: object, limit = 100, includeResourceObject = true) {
  const request = { typeName: `photoncloud_${noun}`, config: json(config), limit, includeResourceObject };
  const events = await terraform.stream("listResource", request);
  return events.map((event) => ({
    name: event.displayName,
    identity: shown(identitySchema(schemaOf(noun)).attributes, event.identity?.identityData),
    state: shown(schemaOf(noun).attributes, event.resourceObject),
    problems: sentences(event.diagnostic),
  }));
}

describe("a list", () => {
  test.each<[string, object, readonly string[]]>([
    ["finds all", {}, ["a", "b", "main"]],
    ["finds by a label", { labels: { env: "prod" } }, ["a", "b"]],
    ["finds by two things at once", { labels: { env: "prod" }, name: "b" }, ["b"]],
    ["finds by the cloud's own words", { filter: 'name = "a"' }, ["a"]],
    ["finds nothing", { name: "nobody" }, []],
    ["finds nothing in another project", { project_id: "nowhere" }, []],
  ])("%s", async (_name, config, expected) => {
    const found = await list("vpc", config);
    const names = found.map(({ name }) => name).sort();
    expect(found.flatMap(({ problems }) => problems).join()).toMatch(
      expected.length > 0 ? /^$/ : /^$|Permission|Not found/,
    );
    expect(names.filter((name) => name !== "")).toEqual(expected);
  });

  test("stops at its limit, and shows no resource where none is asked for", async () => {
    const found = await list("vpc", {}, 2, false);
    expect(found.map(({ state }) => state)).toEqual([null, null]);
  });

  test("answers what an import by its identity reads", async () => {
    const [found] = await list("vpc", { name: "a" });
    const expected = states["photoncloud_vpc.a"];
    expect(found?.identity).toEqual({ id: expected?.id, org_id: "acme", project_id: "main" });
    const identity = { identityData: json(found?.identity) };
    const typeName = "photoncloud_vpc";
    const { importedResources } = await terraform.call("importResourceState", { typeName, identity });
    const read = await terraform.call("readResource", { typeName, currentState: importedResources[0]?.state });
    expect(shown(schemaOf("vpc").attributes, read.newState)).toEqual(found?.state);
  });

  test("tells what is wrong with it", async () => {
    const [found] = await list("vpc", { filter: "name is a" });
    expect(found?.problems.join()).toContain('a filter is field = "value"');
    const request = { typeName: "photoncloud_vm", config: json({ desired_state: "dancing" }) };
    const { diagnostics } = await terraform.call("validateListResourceConfig", request);
    expect(diagnostics.every((d) => d.attribute?.steps.length === 1)).toBe(true);
  });
});

test("every kind can be listed by who may", async () => {
  const admin = await reattach({ ...stage.login, token: await stage.cloud.adminToken() });
  const played = new PlayedTerraform(admin);
  try {
    await played.configure();
    for (const { noun } of catalog().kinds) {
      const request = { typeName: `photoncloud_${noun}`, config: json({}), limit: 5, includeResourceObject: true };
      const events = await played.stream("listResource", request);
      expect([noun, events.flatMap((event) => sentences(event.diagnostic))]).toEqual([noun, []]);
    }
  } finally {
    played.close();
    admin.close();
  }
});

test.each(listed)("the configuration that is generated for a %s changes nothing", async (noun) => {
  const typeName = `photoncloud_${noun}`;
  const { attributes } = schemaOf(noun);
  const state = states[`${typeName}.it`] ?? {};
  const { config, diagnostics } = await terraform.call("generateResourceConfig", { typeName, state: json(state) });
  expect(sentences(diagnostics)).toEqual([]);
  const written = shown(attributes, config) ?? {};
  for (const name of ["create_time", "org_id", "project_id", "timeouts"]) expect(written[name] ?? null).toBeNull();
  const request = { typeName, config, proposedNewState: config, priorState: json(state) };
  const checked = await terraform.call("validateResourceConfig", { typeName, config });
  const planned = await terraform.call("planResourceChange", request);
  expect(sentences([...checked.diagnostics, ...planned.diagnostics])).toEqual([]);
  const prior = await terraform.call("upgradeResourceState", { typeName, rawState: { json: json(state).json } });
  expect(shown(attributes, planned.plannedState)).toEqual(shown(attributes, prior.upgradedState));
});

test("generated configuration leaves out what is the default", async () => {
  const { attributes } = schemaOf("subnet");
  const state = json({ name: "s", vpc_id: "vpc-1", cidr: "10.0.1.0/24", dhcp_enabled: true, mtu: 1442 });
  const { config } = await terraform.call("generateResourceConfig", { typeName: "photoncloud_subnet", state });
  const written = Object.entries(shown(attributes, config) ?? {}).filter(([, value]) => value !== null);
  expect(Object.fromEntries(written)).toEqual({ name: "s", vpc_id: "vpc-1", cidr: "10.0.1.0/24" });
});
