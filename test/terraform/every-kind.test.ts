// Every kind of the catalog, over its life with the real Terraform. What a kind needs comes from its annotations' own examples.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind } from "@photoncloud/proto";
import { postJson } from "@photoncloud/server/testing";
import { exampleOf, replacement } from "../../provider/scripts/example-block.ts";
import { identitySchema } from "../../provider/src/identity.ts";
import type { ResourceIdentityData } from "../../provider/src/plugin/gen/tfplugin6.ts";
import { json, type PlayedTerraform, schemaOf, sentences, shown } from "./played.ts";
import { Stage } from "./stage.ts";
import { administrator, tokenOf } from "./workspace.ts";

let stage: Stage;
let terraform: PlayedTerraform;

beforeAll(async () => {
  stage = await Stage.set(administrator);
  terraform = stage.terraform;
  await terraform.configure();
});

afterEach(() => stage.clear());

afterAll(() => stage.close());

/** Deletes it behind Terraform's back. */
async function disappear(kind: Kind, state: Record<string, unknown>): Promise<void> {
  const { org_id: orgId, project_id: projectId, id } = state;
  const method = `${kind.service.typeName}/${kind.standard.delete.desc.name}`;
  const token = await tokenOf(stage.login);
  const { status, body } = await postJson(stage.cloud.url, method, { orgId, projectId, id }, token);
  if (status !== 200) throw new Error(JSON.stringify(body));
}

/** What an import by identity brings into the state, as a Terraform of 1.12 or newer asks for it. */
async function imported(kind: Kind, identity: object) {
  const schema = schemaOf(kind.noun);
  const { typeName } = schema;
  const given = { typeName, identity: { identityData: json(identity) } };
  const { importedResources, diagnostics } = await terraform.call("importResourceState", given);
  const [one] = importedResources;
  const current = { typeName, currentState: one?.state, currentIdentity: one?.identity };
  const read = await terraform.call("readResource", current);
  expect(sentences([...diagnostics, ...read.diagnostics])).toEqual([]);
  const { attributes } = identitySchema(schema);
  const identityOf = (data: ResourceIdentityData | undefined) => shown(attributes, data?.identityData);
  return { state: shown(schema.attributes, read.newState), identity: identityOf(read.newIdentity) };
}

/** The parts of a kind's identity, as a state has them. */
const identityIn = (kind: Kind, state: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(identitySchema(schemaOf(kind.noun)).attributes.map(({ name }) => [name, state[name] ?? ""]));

describe.each(catalog().kinds.map((kind) => [kind.noun, kind] as const))("photoncloud_%s", (_noun, kind) => {
  test("is created, updated, imported, found again when it disappears, and destroyed, and every plan between is empty", async () => {
    const { address, hcl } = exampleOf(kind);
    const workspace = await stage.open(hcl);
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    expect(await workspace.plan("-refresh=false")).toEqual({});

    workspace.write(exampleOf(kind, { labels: '{ team = "web", "with.dot" = "" }' }).hcl);
    expect(await workspace.plan()).toEqual({ [address]: "update" });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});

    const applied = (await workspace.state())[address] ?? {};
    expect(applied.labels).toEqual({ team: "web", "with.dot": "" });
    await workspace.must("state", "rm", address);
    await workspace.must("import", "-no-color", address, String(applied.id));
    const held = { ...applied, timeouts: null };
    expect((await workspace.state())[address]).toEqual(held);
    expect(await workspace.plan()).toEqual({});
    const identity = identityIn(kind, applied);
    expect(await imported(kind, identity)).toEqual({ state: held, identity });

    await disappear(kind, applied);
    expect(await workspace.plan()).toEqual({ [address]: "create" });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    await workspace.destroy();
    expect(await workspace.state()).toEqual({});
  });
});

const replaceable = catalog().kinds.flatMap((kind) => {
  const changes = replacement(kind);
  return changes === undefined ? [] : [[kind.noun, kind, changes] as const];
});

describe.each(replaceable)("photoncloud_%s", (_noun, kind, changes) => {
  test(`is replaced when ${Object.keys(changes).join()} changes`, async () => {
    const { address, hcl } = exampleOf(kind);
    const workspace = await stage.open(hcl);
    await workspace.apply();
    workspace.write(exampleOf(kind, changes).hcl);
    expect(await workspace.plan()).toEqual({ [address]: "replace" });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    await workspace.destroy();
  });
});

test("the list of kinds with a replacement may only grow", () => {
  expect(replaceable.map(([noun]) => noun)).toEqual(
    expect.arrayContaining([
      ...["vpc", "subnet", "port", "external_network", "elastic_ip", "route"],
      ...["org", "project", "user", "service_account", "role", "image"],
    ]),
  );
});
