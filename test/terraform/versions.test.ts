// Every Terraform from 1.5 and OpenTofu from 1.8, played by what they differ in: the capabilities that they tell, the calls that they know, and the
// fields that they leave out. Each makes a resource, reads it, changes it, imports it and removes it.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ClientCapabilities, DynamicValue } from "../../provider/src/plugin/gen/tfplugin6.ts";
import type { MethodName } from "../../provider/src/plugin/provider-methods.ts";
import { json, type PlayedTerraform, schemaOf, sentences, shown } from "./played.ts";
import { as, Stage } from "./stage.ts";

interface Client {
  readonly name: string;
  /** Undefined: it knows of none. */
  readonly capabilities?: Partial<ClientCapabilities>;
  /** Calls that it makes beside those of every version. */
  readonly calls: readonly MethodName[];
  /** Whether it keeps identities and imports by them. */
  readonly identity: boolean;
}

const functions: readonly MethodName[] = ["callFunction"];
const ephemeral: readonly MethodName[] = [...functions, "validateEphemeralResourceConfig"];
const withIdentity: readonly MethodName[] = [...ephemeral, "getResourceIdentitySchemas", "upgradeResourceIdentity"];
const withLists: readonly MethodName[] = [...withIdentity, "validateListResourceConfig"];
const newest: readonly MethodName[] = [...withLists, "generateResourceConfig", "validateActionConfig", "planAction"];
const [plain, writeOnly] = [{ deferralAllowed: false }, { deferralAllowed: false, writeOnlyAttributesAllowed: true }];
const all = { ...writeOnly, storePlannedPrivate: true, computedBlocksAllowed: true };

const clients: readonly Client[] = [
  ...["1.5.7", "1.6.6", "1.7.5"].map((name) => ({ name: `Terraform ${name}`, calls: [], identity: false })),
  { name: "Terraform 1.8.5", calls: functions, identity: false },
  { name: "Terraform 1.9.8", calls: functions, identity: false, capabilities: plain },
  { name: "Terraform 1.10.5", calls: ephemeral, identity: false, capabilities: plain },
  { name: "Terraform 1.11.4", calls: ephemeral, identity: false, capabilities: writeOnly },
  { name: "Terraform 1.12.2", calls: withIdentity, identity: true, capabilities: writeOnly },
  { name: "Terraform 1.13.4", calls: withLists, identity: true, capabilities: writeOnly },
  ...["1.14.3", "1.15.0"].map((version) => ({
    name: `Terraform ${version}`,
    calls: newest,
    identity: true,
    capabilities: writeOnly,
  })),
  { name: "Terraform 1.16.0", calls: newest, identity: true, capabilities: all },
  {
    name: "Terraform 1.16.0 that may defer",
    calls: newest,
    identity: true,
    capabilities: { ...all, deferralAllowed: true },
  },
  ...["1.8.9", "1.9.4"].map((version) => ({
    name: `OpenTofu ${version}`,
    identity: false,
    calls: [...functions, "getFunctions"] as const,
  })),
  { name: "OpenTofu 1.10.7", calls: [...functions, "getFunctions"], identity: true },
  { name: "OpenTofu 1.11.2", calls: [...ephemeral, "getFunctions"], identity: true, capabilities: writeOnly },
  { name: "OpenTofu 1.12.0", calls: [...withIdentity, "getFunctions"], identity: true, capabilities: writeOnly },
];

let stage: Stage;
let terraform: PlayedTerraform;

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  terraform = stage.terraform;
});

afterAll(() => stage.close());

const typeName = "photoncloud_vpc";
const { attributes } = schemaOf("vpc");
const vpc = (labels: object) => json({ name: "net", cidr: "10.0.0.0/16", labels });

/** What each call that a version knows is asked, and what shows that it was understood. */
const asked: Readonly<Record<string, readonly [request: object, understood: object]>> = {
  getFunctions: [{}, { diagnostics: [] }],
  callFunction: [
    { name: "cidr_at", arguments: ['"10.0.0.0/16"', "24", "1"].map((text) => json(JSON.parse(text))) },
    { error: undefined },
  ],
  validateEphemeralResourceConfig: [{ typeName: "photoncloud_access_token", config: json({}) }, { diagnostics: [] }],
  getResourceIdentitySchemas: [{}, { diagnostics: [] }],
  upgradeResourceIdentity: [
    { typeName, version: 0, rawIdentity: { json: Buffer.from('{"id":"vpc-1","org_id":"acme","project_id":"main"}') } },
    { diagnostics: [] },
  ],
  validateListResourceConfig: [{ typeName, config: json({}) }, { diagnostics: [] }],
  generateResourceConfig: [
    { typeName, state: json({ id: "vpc-1", name: "net", cidr: "10.0.0.0/16" }) },
    { diagnostics: [] },
  ],
  planAction: [{ actionType: "photoncloud_vm_start", config: json({ id: "vm-1" }) }, { diagnostics: [] }],
  validateActionConfig: [{ actionType: "photoncloud_vm_start", config: json({ id: "vm-1" }) }, { diagnostics: [] }],
};

type Stored = Pick<DynamicValue, "msgpack"> | undefined;
const stored = (value: Stored) => value && { msgpack: Buffer.from(value.msgpack), json: Buffer.alloc(0) };

describe.each(clients.map((client) => [client.name, client] as const))("%s", (_name, client) => {
  const { capabilities: clientCapabilities, calls, identity } = client;
  const terms = clientCapabilities === undefined ? {} : { clientCapabilities };

  async function change(prior: Stored, config: ReturnType<typeof json> | undefined): Promise<Stored> {
    const request = { typeName, priorState: stored(prior), config, ...terms };
    const planned = await terraform.call("planResourceChange", { ...request, proposedNewState: config });
    expect([sentences(planned.diagnostics), planned.deferred]).toEqual([[], undefined]);
    const { plannedState, plannedPrivate } = planned;
    // The apply plans once more, and must come to the same.
    const kept = clientCapabilities?.storePlannedPrivate === true ? { plannedPrivate } : {};
    const again = await terraform.call("planResourceChange", { ...request, proposedNewState: config, ...kept });
    expect(again.plannedState).toEqual(plannedState);
    const more = identity ? { plannedIdentity: planned.plannedIdentity } : {};
    const applied = await terraform.call("applyResourceChange", { ...request, plannedState, plannedPrivate, ...more });
    expect(sentences(applied.diagnostics)).toEqual([]);
    return applied.newState;
  }

  test("is configured, and makes, reads, changes, imports and removes a resource", async () => {
    await terraform.call("configureProvider", { terraformVersion: "1.5.0", config: json({}), ...terms });
    const made = await change(undefined, vpc({ of: "a" }));
    const read = await terraform.call("readResource", { typeName, currentState: stored(made), ...terms });
    expect([shown(attributes, read.newState), read.deferred]).toEqual([shown(attributes, made), undefined]);
    const changed = await change(made, vpc({ of: "b" }));
    const { id } = shown(attributes, changed) ?? {};
    const by = identity ? { identity: { identityData: json({ id, org_id: "acme", project_id: "main" }) } } : { id };
    const imported = await terraform.call("importResourceState", { typeName, ...by, ...terms });
    expect([sentences(imported.diagnostics), imported.deferred]).toEqual([[], undefined]);
    const [stub] = imported.importedResources;
    const found = await terraform.call("readResource", { typeName, currentState: stub?.state, ...terms });
    expect(shown(attributes, found.newState)).toEqual(shown(attributes, changed));
    expect(shown(attributes, await change(changed, undefined))).toBeNull();
  });

  test("is told of a write-only value whether it can have one", async () => {
    const config = json({ id: "bob", password: "correct horse battery staple" });
    const { diagnostics } = await terraform.call("validateResourceConfig", {
      typeName: "photoncloud_user",
      config,
      ...terms,
    });
    const told = sentences(diagnostics).join();
    if (clientCapabilities?.writeOnlyAttributesAllowed === true) expect(told).toBe("");
    else expect(told).toMatch(/1\.11/);
  });

  test("is understood in each call that it knows", async () => {
    for (const name of calls) {
      const [request, understood] = asked[name] ?? [];
      expect(await terraform.call(name, { ...request })).toMatchObject(understood ?? { understood: name });
    }
  });
});

test("OpenTofu, which asks for functions apart, is told of the same ones", async () => {
  const [schema, apart] = [await terraform.call("getProviderSchema", {}), await terraform.call("getFunctions", {})];
  expect(apart.functions).toEqual(schema.functions);
});
