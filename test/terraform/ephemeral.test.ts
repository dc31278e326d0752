// An access token with the real Terraform: it works while Terraform runs, is kept nowhere, and ends with the run.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { postJson, startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { accessTokenSchema } from "../../provider/src/ephemeral/access-token.ts";
import { json, PlayedTerraform, sentences, shown } from "./played.ts";
import { type Reattached, reattach } from "./reattached.ts";
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
}, 120_000);

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

test("that does not exist is named", async () => {
  const terraform = await played(await withKey());
  const request = { typeName: "photoncloud_vpc", config: json({}) };
  const { diagnostics } = await terraform.call("validateEphemeralResourceConfig", request);
  expect(sentences(diagnostics).join()).toContain("has no ephemeral photoncloud_vpc");
});
