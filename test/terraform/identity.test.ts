// Identities and moves, against a cloud, with a Terraform of 1.12 and newer played by grpc-js: the real one at hand asks for neither.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { identitySchema } from "../../provider/src/identity.ts";
import type { ResourceIdentityData } from "../../provider/src/plugin/gen/tfplugin6.ts";
import { json, type PlayedTerraform, schemaOf, sentences, shown } from "./played.ts";
import { as, Stage } from "./stage.ts";

let stage: Stage;
let terraform: PlayedTerraform;
const typeName = "photoncloud_vpc";
const { attributes } = schemaOf("vpc");
const identityAttributes = identitySchema(schemaOf("vpc")).attributes;
const identity = (given: ResourceIdentityData | undefined) => shown(identityAttributes, given?.identityData);
const named = (value: object) => ({ identityData: json(value) });

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  terraform = stage.terraform;
  await terraform.configure();
});

afterAll(() => stage.close());

async function createVpc(name: string) {
  const config = json({ name, cidr: "10.0.0.0/16" });
  const planned = await terraform.call("planResourceChange", { typeName, config, proposedNewState: config });
  const { plannedState, plannedPrivate, plannedIdentity } = planned;
  const request = { typeName, config, plannedState, plannedPrivate, plannedIdentity };
  const applied = await terraform.call("applyResourceChange", request);
  expect(sentences([...planned.diagnostics, ...applied.diagnostics])).toEqual([]);
  return { planned, applied, state: shown(attributes, applied.newState) };
}

test("every kind has an identity: its id, in its tenant", async () => {
  const { identitySchemas } = await terraform.call("getResourceIdentitySchemas", {});
  expect(Object.keys(identitySchemas).sort()).toEqual(
    catalog()
      .kinds.map((k) => `photoncloud_${k.noun}`)
      .sort(),
  );
  const parts = (type: string) =>
    identitySchemas[type]?.identityAttributes.map((a) => [a.name, a.requiredForImport, a.optionalForImport]);
  expect(parts(typeName)).toEqual([
    ["id", true, false],
    ["org_id", false, true],
    ["project_id", false, true],
  ]);
  expect(parts("photoncloud_org")).toEqual([["id", true, false]]);
});

describe("an identity", () => {
  test("comes with the create, and stays through reads, plans and deletes", async () => {
    const { planned, applied, state } = await createVpc("lives");
    // Terraform takes no identity with unknowns.
    expect(planned.plannedIdentity).toBeUndefined();
    const expected = { id: state?.id, org_id: "acme", project_id: "main" };
    expect(identity(applied.newIdentity)).toEqual(expected);
    const current = { typeName, currentState: applied.newState, currentIdentity: applied.newIdentity };
    const read = await terraform.call("readResource", current);
    expect(identity(read.newIdentity)).toEqual(expected);
    const config = json({ name: "renamed", cidr: "10.0.0.0/16" });
    const again = { typeName, config, proposedNewState: config, priorState: read.newState };
    const update = await terraform.call("planResourceChange", { ...again, priorIdentity: read.newIdentity });
    expect(identity(update.plannedIdentity)).toEqual(expected);
    const gone = await terraform.call("applyResourceChange", { typeName, priorState: read.newState });
    expect([sentences(gone.diagnostics), gone.newIdentity]).toEqual([[], undefined]);
    const after = await terraform.call("readResource", current);
    expect([shown(attributes, after.newState), after.newIdentity]).toEqual([null, undefined]);
  });

  test("imports, with the provider's tenant where it names none; an id still does", async () => {
    const { state } = await createVpc("imported");
    const whole = { id: state?.id, org_id: "acme", project_id: "main" };
    for (const given of [{ identity: named({ id: state?.id }) }, { identity: named(whole) }, { id: state?.id }]) {
      const { importedResources, diagnostics } = await terraform.call("importResourceState", { typeName, ...given });
      expect(sentences(diagnostics)).toEqual([]);
      const [imported] = importedResources;
      if ("identity" in given) expect(identity(imported?.identity)).toEqual(whole);
      const request = { typeName, currentState: imported?.state, currentIdentity: imported?.identity };
      const read = await terraform.call("readResource", request);
      expect([shown(attributes, read.newState), identity(read.newIdentity)]).toEqual([state, whole]);
    }
  });

  test("without an id is refused", async () => {
    const { diagnostics } = await terraform.call("importResourceState", {
      typeName,
      identity: named({ org_id: "acme" }),
    });
    expect(sentences(diagnostics)).toEqual(["The id is missing: Which vpc? Set id in the identity."]);
  });

  test("of an older release is taken up", async () => {
    const old = { json: Buffer.from('{"id":"vpc-1","org_id":"acme","was":"there"}') };
    const { upgradedIdentity } = await terraform.call("upgradeResourceIdentity", {
      typeName,
      version: 0,
      rawIdentity: old,
    });
    expect(identity(upgradedIdentity)).toEqual({ id: "vpc-1", org_id: "acme", project_id: null });
  });
});

describe("a move", () => {
  const move = (from: string, sourceTypeName: string, state: unknown) =>
    terraform.call("moveResourceState", {
      sourceProviderAddress: from,
      sourceTypeName,
      sourceState: { json: Buffer.from(JSON.stringify(state)) },
      targetTypeName: typeName,
      sourcePrivate: Buffer.from("{}"),
    });

  test("from another address of this provider keeps everything", async () => {
    const { state } = await createVpc("moved");
    const moved = await move("registry.terraform.io/photoncloud/photoncloud", typeName, state);
    expect(shown(attributes, moved.targetState)).toEqual(state);
    expect([moved.targetPrivate.toString(), identity(moved.targetIdentity)?.id]).toEqual(["{}", state?.id]);
  });

  test.each([
    [
      "registry.terraform.io/hashicorp/aws",
      "aws_vpc",
      "A aws_vpc of the provider registry.terraform.io/hashicorp/aws can't",
    ],
    ["registry.terraform.io/evil/notphotoncloud", typeName, "can't become a photoncloud_vpc of PhotonCloud's"],
    ["x/photoncloud/photoncloud", "photoncloud_subnet", "A photoncloud_subnet can't become a photoncloud_vpc"],
  ])("from %s's %s is refused with a sentence", async (from, type, sentence) => {
    const { diagnostics, targetState } = await move(from, type, { id: "x" });
    expect(sentences(diagnostics).join()).toContain(sentence);
    expect(targetState).toBeUndefined();
  });

  test("between kinds is refused by the real Terraform, in our words", async () => {
    const vpc = 'resource "photoncloud_vpc" "a" {\n  name = "real"\n  cidr = "10.0.0.0/16"\n}\n';
    const workspace = await stage.open(vpc);
    try {
      await workspace.apply();
      const { id } = (await workspace.state())["photoncloud_vpc.a"] ?? {};
      workspace.write(
        `resource "photoncloud_subnet" "a" {\n  name = "s"\n  vpc_id = "${id}"\n}\nmoved {\n  from = photoncloud_vpc.a\n  to = photoncloud_subnet.a\n}\n`,
      );
      const [problem] = await workspace.diagnostics("plan", "-input=false");
      expect(problem?.detail).toContain("A photoncloud_vpc can't become a photoncloud_subnet");
      workspace.write(`${vpc.replace('"a"', '"b"')}moved {\n  from = photoncloud_vpc.a\n  to = photoncloud_vpc.b\n}\n`);
      expect(await workspace.plan()).toEqual({ "photoncloud_vpc.b": "move" });
      await workspace.destroy();
    } finally {
      workspace.close();
    }
  });
});
