// What is done and refused beside the methods of kinds (SCIM, Terraform's states, uploads, batches, tokens for elsewhere) is told as if by them.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { Json } from "../isolation/calls.ts";
import { member } from "../isolation/world.ts";
import { eventsOf } from "./log.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
  readonly status: number;
  /** What the log says of it. */
  readonly told: Json;
}

let cloud: TestCloud;
/** Administers the org, and reads its log. */
let auditor = "";
/** May look at another project of it. */
let viewer = "";
beforeAll(async () => {
  cloud = await startTestCloud({ argv: ["--terraform-state"] });
  for (const project of ["alpha", "beta"]) await cloud.tenant("acme", project);
  const admin = await cloud.adminToken();
  auditor = await member(cloud.url, admin, "acme", "OrgAdmin", {});
  viewer = await member(cloud.url, admin, "acme", "ProjectViewer", { projectId: "alpha" });
});
afterAll(() => cloud.stop());

const scim = "application/scim+json";
const json = "application/json";
const beta = "/terraform/state/acme/beta/web";
const bytes = "the bytes of an image";
const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const identityToken = "iam.v1.IamTokenService/IssueIdentityToken";

const told = (kind: string, method: string, type: string): Json => ({
  kind: `iam.v1.${kind}`,
  method: `iam.v1.${kind}Service/${method}${kind}`,
  type: `EVENT_TYPE_${type}`,
});
const accessed = (method: string, more: Json = {}): Json => ({ method, type: "EVENT_TYPE_ACCESSED", ...more });
const inBeta = (verb: string) => accessed(`terraform/state.${verb}`, { projectId: "beta", resourceId: "web" });
const patch = (path: string, value: unknown) => JSON.stringify({ Operations: [{ op: "replace", path, value }] });

/** In the order in which they are done. */
const requests: readonly (Request & { readonly requestId: string })[] = [
  ...[
    { method: "POST", at: "Users", body: '{"userName":"una"}', status: 201, told: told("User", "Create", "CREATED") },
    { method: "PATCH", at: "Users/una", body: patch("active", false), told: told("User", "Update", "UPDATED") },
    {
      method: "POST",
      at: "Groups",
      body: '{"displayName":"ushers"}',
      status: 201,
      told: told("Group", "Create", "CREATED"),
    },
    {
      method: "PATCH",
      at: "Groups/ushers",
      body: patch("members", [{ value: "una" }]),
      told: told("Group", "Update", "UPDATED"),
    },
    { method: "DELETE", at: "Groups/ushers", status: 204, told: told("Group", "Delete", "DELETED") },
    { method: "DELETE", at: "Users/una", status: 204, told: told("User", "Delete", "DELETED") },
  ].map(({ at, status = 200, ...one }) => ({ ...one, status, path: `/scim/v2/acme/${at}`, type: scim })),
  { method: "LOCK", path: beta, body: '{"ID":"one"}', status: 200, told: inBeta("lock") },
  { method: "POST", path: `${beta}?ID=one`, body: "{}", status: 200, told: inBeta("write") },
  { method: "UNLOCK", path: beta, body: '{"ID":"one"}', status: 200, told: inBeta("unlock") },
  { method: "GET", path: beta, status: 200, told: inBeta("read") },
  { method: "DELETE", path: beta, status: 200, told: inBeta("delete") },
  {
    method: "PUT",
    path: `/uploads/${digest}?org_id=acme&project_id=beta`,
    body: bytes,
    status: 200,
    told: accessed("plasmavmc.v1.ImageService/CreateImage", { kind: "plasmavmc.v1.Image", projectId: "beta" }),
  },
].map((one, at) => ({ ...one, requestId: `beside-${at}` }));

async function send({ method, path, body, type }: Omit<Request, "told" | "status">, token: string, requestId: string) {
  const headers = {
    authorization: `Bearer ${token}`,
    "x-request-id": requestId,
    ...(type && { "content-type": type }),
  };
  const answer = await fetch(cloud.url + path, { method, headers, ...(body !== undefined && { body }) });
  await answer.text();
  return answer.status;
}

const logOf = (more: { readonly project_id?: string } = {}) =>
  eventsOf(cloud.url, { org_id: "acme", ...more }, auditor);

test("what is done is told", async () => {
  for (const { requestId, ...one } of requests)
    expect({ requestId, status: await send(one, auditor, requestId) }).toEqual({ requestId, status: one.status });
  const log = await logOf();
  const who = expect.stringMatching(/^service_account:acme\//);
  for (const { requestId, told } of requests)
    expect(log.filter((event) => event.requestId === requestId)).toContainEqual(
      expect.objectContaining({ ...told, actor: who, decision: "EVENT_DECISION_ALLOWED" }),
    );
});

test("what is refused is told", async () => {
  for (const { requestId, ...one } of requests) expect(await send(one, viewer, `no-${requestId}`)).toBe(403);
  const log = await logOf();
  for (const { requestId, told } of requests)
    expect(log.filter((event) => event.requestId === `no-${requestId}`)).toEqual([
      expect.objectContaining({
        // The token is for the other project; what is changed by a directory is read before.
        method: expect.stringContaining(String(told.method).replace(/\/.*/, "/")),
        type: "EVENT_TYPE_DENIED",
        decidedBy: "project",
        permission: expect.stringMatching(/^\w+:\w+:\w+$/),
      }),
    ]);
});

test("what it takes counts as used", async () => {
  for (const { requestId, ...one } of requests) expect(await send(one, auditor, `use-${requestId}`)).toBe(one.status);
  const ursula = { orgId: "acme", id: "ursula" };
  expect((await postJson(cloud.url, "iam.v1.UserService/CreateUser", ursula, auditor)).status).toBe(200);
  const token = { orgId: "acme", principalId: "ursula" };
  expect((await postJson(cloud.url, "iam.v1.IamTokenService/IssueToken", token, auditor)).status).toBe(200);
  const kinds = ["iam:users:", "iam:groups:"].flatMap((kind) =>
    ["create", "update", "delete"].map((verb) => kind + verb),
  );
  const took = [
    ...kinds,
    "iam:tokens:issue",
    "terraform:states:read",
    "terraform:states:write",
    "compute:images:create",
  ];
  const path = "iam.v1.IamAuthzService/ListUnusedPermissions";
  const { body } = await postJson(cloud.url, path, { orgId: "acme" }, auditor);
  const grants = body.grants as readonly { roleId: string; granted: number; unused: readonly string[] }[];
  const [grant, ...others] = grants.filter(({ roleId }) => roleId === "OrgAdmin");
  expect([grant?.granted, others]).toEqual([expect.any(Number), []]);
  expect(took.filter((permission) => grant?.unused.includes(permission))).toEqual([]);
});

test("each call of a batch is told as if it had come alone", async () => {
  const path = "/prismnet.v1.VpcService/CreateVpc";
  const one = (id: string) => ({
    path,
    headers: { "x-request-id": id },
    body: { org_id: "acme", project_id: "beta", name: id, cidr: "10.0.0.0/16" },
  });
  const batch = (...ids: readonly string[]) => ({
    method: "POST",
    path: "/batch",
    type: json,
    body: JSON.stringify({ calls: ids.map(one) }),
  });
  expect(await send(batch("batched-1", "batched-2"), auditor, "batch")).toBe(200);
  expect(await send(batch("batched-3"), viewer, "batch-refused")).toBe(200);
  const log = await logOf({ project_id: "beta" });
  const about = { method: path.slice(1), projectId: "beta" };
  for (const requestId of ["batched-1", "batched-2"])
    expect(log).toContainEqual(expect.objectContaining({ ...about, requestId, type: "EVENT_TYPE_CREATED" }));
  expect(log).toContainEqual(expect.objectContaining({ ...about, requestId: "batched-3", type: "EVENT_TYPE_DENIED" }));
});

test("a token for another system is told in the log of its holder's org", async () => {
  const body = '{"audience":"https://vault.example"}';
  expect(await send({ method: "POST", path: `/${identityToken}`, type: json, body }, viewer, "for-a-vault")).toBe(200);
  expect(await logOf()).toContainEqual(
    expect.objectContaining({ ...accessed(identityToken), requestId: "for-a-vault" }),
  );
});
