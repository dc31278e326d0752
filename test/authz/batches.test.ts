// A get of many is many gets: each id is decided by itself, and what the caller may not see is left out as what is missing is.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "../terraform/workspace.ts";

type Body = Readonly<Record<string, unknown>>;

const where = { org_id: "acme", project_id: "web" };
const password = "a password for batches";
const startMs = 120_000;
const batchGet = "prismnet.v1.VpcService/BatchGetVpcs";

const declared = (name: string, env: string) => `
resource "photoncloud_vpc" "${name}" {
  name   = "${name}"
  cidr   = "10.0.0.0/16"
  labels = { env = "${env}" }
}
`;

let cloud: TestCloud;
let admin: string;
let workspace: Workspace;
/** Two for everybody, one in production. */
let ids: { readonly one: string; readonly two: string; readonly production: string };

async function must(method: string, body: Body, token = admin): Promise<Body> {
  const answer = await postJson(cloud.url, method, body, token);
  if (answer.status !== 200) throw new Error(`${method}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A user who may do what the permissions of a role say, and its token. */
async function someone(id: string, permissions: readonly Body[]): Promise<string> {
  await must("iam.v1.UserService/CreateUser", { org_id: "acme", id, password });
  await must("iam.v1.RoleService/CreateRole", { org_id: "acme", id: `of-${id}`, permissions });
  const binding = { ...where, principal: `user:acme/${id}`, role_id: `of-${id}` };
  await must("iam.v1.RoleBindingService/CreateRoleBinding", binding);
  const login = { org_id: "acme", principal_id: id, password };
  return String((await must("iam.v1.IamTokenService/IssueToken", login, "")).token);
}

const pathOf = (id: string) => `org/acme/project/web/vpc/${id}`;
const get = { action: "network:vpcs:get" };
const ask = (token: string, wanted: readonly string[]) =>
  postJson(cloud.url, batchGet, { ...where, ids: wanted }, token);

async function seen(token: string, wanted: readonly string[]): Promise<readonly string[]> {
  const { vpcs = [] } = await must(batchGet, { ...where, ids: wanted }, token);
  return Array.isArray(vpcs) ? vpcs.map(({ id }: { id: string }) => id) : [];
}

async function deniedBatches(): Promise<readonly Body[]> {
  const { events } = await must("chainfire.v1.EventService/ListEvents", {
    ...where,
    method: batchGet,
    page_size: 1000,
  });
  return Array.isArray(events) ? events : [];
}

beforeAll(async () => {
  cloud = await startTestCloud();
  admin = await cloud.adminToken();
  const tenant = await cloud.tenant("acme", "web");
  const hcl = declared("one", "dev") + declared("two", "dev") + declared("production", "production");
  workspace = await Workspace.open({ url: cloud.url, ...tenant }, hcl);
  await workspace.apply();
  const state = await workspace.state();
  const idOf = (name: string) => String(state[`photoncloud_vpc.${name}`]?.id);
  ids = { one: idOf("one"), two: idOf("two"), production: idOf("production") };
}, startMs);
afterAll(async () => {
  workspace.close();
  await cloud.stop();
});

describe("a get of many", () => {
  const all = () => [ids.production, ids.one, "vpc-never", ids.two];

  test("by a token for one resource answers that one", async () => {
    const whole = await someone("narrow", [{ action: "network:vpcs:*" }]);
    const limit = { actions: ["network:vpcs:get"], resource: pathOf(ids.one) };
    const { token } = await must("iam.v1.IamTokenService/AttenuateToken", limit, whole);
    expect(await seen(String(token), all())).toEqual([ids.one]);
  });

  test("by conditions on the resource answers those that meet them", async () => {
    const token = await someone("developer", [{ ...get, conditions: ['resource.labels.env == "dev"'] }]);
    expect(await seen(token, all())).toEqual([ids.one, ids.two]);
  });

  test("leaves out what a denial names, by its path or by a condition on its id", async () => {
    const deny = { ...get, effect: "EFFECT_DENY" };
    const path = await someone("denied", [get, { ...deny, resource_pattern: pathOf(ids.two) }]);
    expect(await seen(path, all())).toEqual([ids.production, ids.one]);
    const condition = await someone("denied-by-id", [get, { ...deny, conditions: [`resource.id == "${ids.one}"`] }]);
    expect(await seen(condition, all())).toEqual([ids.production, ids.two]);
  });

  test("is refused where none may be seen, whether they are there or not, and is an event", async () => {
    const token = await someone("nobody", [{ ...get, resource_pattern: pathOf(ids.one) }]);
    const [there, missing] = [await ask(token, [ids.two]), await ask(token, ["vpc-never"])];
    expect(there).toMatchObject({ status: 403, body: { message: expect.stringContaining("network:vpcs:get") } });
    expect({ ...there.body, details: [] }).toEqual({ ...missing.body, details: [] });
    const before = (await deniedBatches()).length;
    expect(await seen(token, [ids.one, ids.two])).toEqual([ids.one]);
    expect((await deniedBatches()).slice(before)).toMatchObject([{ actor: "user:acme/nobody", resourceId: ids.two }]);
  });
});

test("Terraform refreshes with a token that may see two of three, and says which one it may not", async () => {
  workspace.env.PHOTON_TOKEN = await someone("refresher", [
    { ...get, resource_pattern: pathOf(ids.one) },
    { ...get, resource_pattern: pathOf(ids.two) },
  ]);
  const targets = ["-target=photoncloud_vpc.one", "-target=photoncloud_vpc.two"];
  expect(await workspace.plan("-refresh-only", ...targets)).toEqual({});
  const told = await workspace.diagnostics("plan", "-refresh-only", "-input=false");
  expect(told.map(({ severity, address }) => [severity, address])).toEqual([["error", "photoncloud_vpc.production"]]);
}, 60_000);
