// An access token with the real Terraform: it works while Terraform runs, is kept nowhere, and ends with the run.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { postJson, startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { accessTokenSchema } from "../../provider/src/ephemeral/access-token.ts";
import { heldSchemas } from "../../provider/src/ephemeral/held.ts";
import { json, PlayedTerraform, sentences, shown } from "./played.ts";
import { type Reattached, reattach } from "./reattached.ts";
import { until } from "./server-process.ts";
import { Workspace } from "./workspace.ts";

let cloud: TestCloud;
let tenant: TestTenant;
const closing: { close(): void }[] = [];
const typeName = "photoncloud_access_token";
const { attributes } = accessTokenSchema(catalog());

beforeAll(async () => {
  cloud = await startTestCloud();
  tenant = await cloud.tenant("acme", "main");
});

afterEach(() => {
  for (const one of closing.splice(0)) one.close();
});

afterAll(() => cloud.stop());

/** A provider that logs in with its key: a token alone can't make tokens. */
async function withKey(): Promise<Reattached> {
  const { serviceAccountId: PHOTON_PRINCIPAL, keySecret: PHOTON_KEY_SECRET } = tenant;
  const provider = await reattach({ ...tenant, token: "", url: cloud.url }, { PHOTON_PRINCIPAL, PHOTON_KEY_SECRET });
  closing.push(provider);
  return provider;
}

async function played(provider: Reattached): Promise<PlayedTerraform> {
  const terraform = new PlayedTerraform(provider);
  closing.push(terraform);
  await terraform.configure();
  return terraform;
}

const isGood = async (token: unknown) =>
  (await postJson(cloud.url, "iam.v1.IamTokenService/ValidateToken", { token })).body.valid === true;

test("is in no state, plan or output, and gets what needs it through", async () => {
  const provider = await withKey();
  const hcl = `
ephemeral "photoncloud_access_token" "it" {}
provider "photoncloud" {
  alias    = "by_token"
  token    = ephemeral.photoncloud_access_token.it.token
}
resource "photoncloud_vpc" "a" {
  provider = photoncloud.by_token
  name     = "by-token"
  cidr     = "10.0.0.0/16"
}
`;
  const workspace = await Workspace.open({ ...tenant, url: cloud.url }, hcl, provider.env);
  closing.push(workspace);
  const said = [await workspace.must("plan", "-input=false", "-out=plan.bin"), await workspace.apply()];
  said.push(await workspace.must("show", "-json", "plan.bin"), await workspace.must("show", "-json"));
  expect(await workspace.plan()).toEqual({});
  const files = readdirSync(workspace.directory, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  expect(files.map((file) => file.name)).toContain("terraform.tfstate");
  said.push(...files.map((file) => readFileSync(join(file.parentPath, file.name), "latin1")));
  // Every token that the cloud signs begins with the same header, and a refresh token with its own word.
  const header = tenant.token.slice(0, tenant.token.indexOf("."));
  expect(said.filter((text) => text.includes(header) || text.includes(tenant.keySecret))).toEqual([]);
  // The address alone is among the dependencies.
  expect(Object.keys(await workspace.state())).toEqual(["photoncloud_vpc.a"]);
  await workspace.destroy();
});

test("is renewed with its session, and revoked when it is closed", async () => {
  const terraform = await played(await withKey());
  const opened = await terraform.call("openEphemeralResource", { typeName, config: json({}) });
  expect(sentences(opened.diagnostics)).toEqual([]);
  const result = shown(attributes, opened.result);
  expect(Object.keys(result ?? {}).sort()).toEqual(["expire_time", "project_id", "token"]);
  expect([result?.project_id, await isGood(result?.token)]).toEqual(["main", true]);
  expect(opened.renewAt?.getTime()).toBe(new Date(String(result?.expire_time)).getTime());
  const renewed = await terraform.call("renewEphemeralResource", { typeName, private: opened.private });
  expect(renewed.diagnostics.map((d) => [d.severity, d.summary])).toEqual([[2, "The access token has ended"]]);
  const closed = await terraform.call("closeEphemeralResource", { typeName, private: renewed.private });
  expect([sentences(closed.diagnostics), await isGood(result?.token)]).toEqual([[], false]);
});

test("of a provider that has a token alone is that token, which lives on", async () => {
  const provider = await reattach({ ...tenant, url: cloud.url });
  closing.push(provider);
  const terraform = await played(provider);
  const opened = await terraform.call("openEphemeralResource", { typeName, config: json({ project_id: "main" }) });
  expect(shown(attributes, opened.result)).toMatchObject({ token: tenant.token, project_id: "main" });
  expect(opened.renewAt).toBeUndefined();
  await terraform.call("closeEphemeralResource", { typeName, private: opened.private });
  expect(await isGood(tenant.token)).toBe(true);
  const other = await terraform.call("openEphemeralResource", { typeName, config: json({ project_id: "other" }) });
  expect(sentences(other.diagnostics).join()).toContain("a token, which is for main");
});

describe("what a method of the catalog answers", () => {
  const schemas = new Map(heldSchemas(catalog()).map((schema) => [schema.noun, schema]));
  const attributesOf = (noun: string) => schemas.get(noun)?.attributes ?? [];
  const post = (method: string, body: object) =>
    postJson(cloud.url, method, { orgId: "acme", projectId: "main", ...body }, tenant.token);

  async function open(terraform: PlayedTerraform, noun: string, config: object) {
    const opened = await terraform.call("openEphemeralResource", {
      typeName: `photoncloud_${noun}`,
      config: json(config),
    });
    return { ...opened, problems: sentences(opened.diagnostics), result: shown(attributesOf(noun), opened.result) };
  }

  async function close(terraform: PlayedTerraform, noun: string, kept: Buffer | undefined): Promise<string[]> {
    const request = { typeName: `photoncloud_${noun}`, private: kept };
    return sentences((await terraform.call("closeEphemeralResource", request)).diagnostics);
  }

  test("are these, and whoever annotates another has it", () => {
    const expected = ["identity_token", "narrowed_token", "service_account_key", "vm_console"];
    expect([...schemas.keys()].sort()).toEqual(expected);
  });

  test("is a machine's console, opened once, which nobody needs to renew", async () => {
    const spec = { disks: [{ id: "root", size_gib: 1 }] };
    const { body: vm } = await post("plasmavmc.v1.VmService/CreateVm", { name: "web", spec });
    await until("the machine's start", async () => {
      const { body } = await post("plasmavmc.v1.VmService/GetVm", { id: vm.id });
      return body.state === "VM_STATE_RUNNING";
    });
    const terraform = await played(await withKey());
    const { problems, result, renewAt, private: kept } = await open(terraform, "vm_console", { vm_id: vm.id });
    expect([problems, result?.vm_id, renewAt]).toEqual([[], vm.id, undefined]);
    expect(result?.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/console\//);
    expect(await close(terraform, "vm_console", kept)).toEqual([]);
  });

  test("is a key that logs in while Terraform runs, and not after it", async () => {
    const admin = await reattach({ ...tenant, token: await cloud.adminToken(), url: cloud.url });
    closing.push(admin);
    const terraform = await played(admin);
    const config = { service_account_id: tenant.serviceAccountId, name: "of-a-run" };
    const { problems, result, private: kept } = await open(terraform, "service_account_key", config);
    expect(problems).toEqual([]);
    expect(result).toMatchObject({ name: "of-a-run", org_id: "acme", secret: expect.stringMatching(/^pck_/) });
    expect(Buffer.from(kept ?? []).toString()).not.toContain(String(result?.secret));
    const login = { principalId: tenant.serviceAccountId, keySecret: result?.secret };
    const logsIn = async () => (await post("iam.v1.IamTokenService/IssueToken", login)).status;
    expect(await logsIn()).toBe(200);
    expect([await close(terraform, "service_account_key", kept), await logsIn()]).toEqual([[], 401]);
    // Somebody else may have deleted it first.
    expect(await close(terraform, "service_account_key", kept)).toEqual([]);
  });

  test("is a token that may do less, of whose end Terraform hears", async () => {
    const terraform = await played(await withKey());
    const config = { actions: ["network:vpcs:list"], ttl_seconds: 60 };
    const { problems, result, renewAt, private: kept } = await open(terraform, "narrowed_token", config);
    expect(problems).toEqual([]);
    expect(Object.keys(result ?? {}).sort()).toEqual(["actions", "expire_time", "resource", "token", "ttl_seconds"]);
    const may = async (method: string, body: object) =>
      (await postJson(cloud.url, method, { orgId: "acme", projectId: "main", ...body }, String(result?.token))).status;
    expect(await may("prismnet.v1.VpcService/ListVpcs", {})).toBe(200);
    expect(await may("prismnet.v1.VpcService/CreateVpc", { name: "x", cidr: "10.0.0.0/16" })).toBe(403);
    expect(renewAt?.getTime()).toBe(new Date(String(result?.expire_time)).getTime());
    const typeName = "photoncloud_narrowed_token";
    const renewed = await terraform.call("renewEphemeralResource", { typeName, private: kept });
    expect(renewed.diagnostics.map((d) => [d.severity, d.summary])).toEqual([[2, "The narrowed token has ended"]]);
  });

  test("tells what is missing, at the attribute", async () => {
    const terraform = await played(await withKey());
    const request = { typeName: "photoncloud_vm_console", config: json({ type: "hologram" }) };
    const { diagnostics } = await terraform.call("validateEphemeralResourceConfig", request);
    const at = diagnostics.map(({ attribute }) => attribute?.steps[0]?.selector?.value);
    expect(at.sort()).toEqual(["type", "vm_id"]);
    const { diagnostics: refused } = await terraform.call("openEphemeralResource", {
      typeName: "photoncloud_identity_token",
      config: json({ audience: cloud.url }),
    });
    expect(refused.map(({ attribute }) => attribute?.steps[0]?.selector?.value)).toEqual(["audience"]);
    expect(sentences(refused).join()).toContain("Request id: ");
  });
});

test("that does not exist is named", async () => {
  const terraform = await played(await withKey());
  const request = { typeName: "photoncloud_vpc", config: json({}) };
  const { diagnostics } = await terraform.call("validateEphemeralResourceConfig", request);
  expect(sentences(diagnostics).join()).toContain("has no ephemeral photoncloud_vpc");
});
