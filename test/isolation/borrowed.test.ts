// What one caller was given is worth nothing to another: page tokens, cursors, idempotency keys, etags, and ids in a batch.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Answer, call, type Json, opened } from "./calls.ts";
import { type Caller, member, must, type Place, snapshot, startWorld, type World } from "./world.ts";

const service = "prismnet.v1.VpcService";
const keys = "iam.v1.ServiceAccountKeyService";

let world: World;
/** Another administrator of the owner's project. */
let colleague: string;
let owner: string;
beforeAll(async () => {
  world = await startWorld();
  const { url, admin } = world;
  [owner, colleague] = (await Promise.all(
    [0, 1].map(() => member(url, admin, "acme", "ProjectAdmin", { projectId: "alpha" })),
  )) as [string, string];
  await create(world.owner, "second", owner);
  await create(world.foreignProjectAdmin.home, "second", admin);
});
afterAll(() => world.cloud.stop());

const scope = ({ orgId, projectId }: Place): Json => ({ org_id: orgId, project_id: projectId });
const vpcOf = ({ ids }: Place) => ids.get("prismnet.v1.Vpc") ?? "";

function vpcs(method: string, place: Place, body: Json, token: string, key?: string): Promise<Answer> {
  const more = key === undefined ? {} : { "idempotency-key": key };
  return call(world.url, `${service}/${method}`, { ...scope(place), ...body }, token, more);
}

function create(place: Place, name: string, token: string, key?: string): Promise<Answer> {
  return vpcs("CreateVpc", place, { name, cidr: "10.9.0.0/16" }, token, key);
}

const idsIn = ({ body }: Answer) => (Array.isArray(body.vpcs) ? body.vpcs.map(({ id }: Json) => id) : []);

async function pageToken(place: Place, token: string): Promise<string> {
  const { body } = await vpcs("ListVpcs", place, { page_size: 1 }, token);
  expect(body.nextPageToken).toEqual(expect.any(String));
  return String(body.nextPageToken);
}

test("a page token of another tenant, kind or filter is refused", async () => {
  const token = await pageToken(world.owner, owner);
  const stranger = world.foreignProjectAdmin;
  const elsewhere = await vpcs("ListVpcs", stranger.home, { page_token: token }, stranger.token);
  expect(elsewhere).toMatchObject({ code: "invalid_argument" });
  expect(elsewhere.text).toContain("BAD_PAGE_TOKEN");
  const filtered = await vpcs("ListVpcs", world.owner, { page_token: token, filter: 'name = "x"' }, owner);
  expect(filtered.text).toContain("BAD_PAGE_TOKEN");
  const otherKind = { ...scope(world.owner), page_token: token };
  expect((await call(world.url, "prismnet.v1.SubnetService/ListSubnets", otherKind, owner)).text).toContain(
    "BAD_PAGE_TOKEN",
  );
  expect(await vpcs("ListVpcs", world.owner, { page_token: token }, stranger.token)).toMatchObject({
    code: "permission_denied",
  });
});

/** A token as the server writes it: nothing in it is secret, so anybody can make one. */
function forged({ orgId, projectId }: Place, position: readonly unknown[]): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  const sealed = JSON.stringify(["photoncloud page", "prismnet.v1.Vpc", orgId, projectId, "", body]);
  return `${body}.${createHash("sha256").update(sealed).digest("base64url").slice(0, 22)}`;
}

test("a page token that is made by hand leads nowhere but through one's own list", async () => {
  const { home, token } = world.foreignProjectAdmin;
  const own = idsIn(await vpcs("ListVpcs", home, {}, token));
  const positions = [
    ["", "acme", "alpha", ""],
    [vpcOf(world.owner), "acme", "alpha", "s1"],
    ["a\u0000", "", "", "x"],
    ["' OR 1=1 --", "%", "%", ""],
    [1, {}, null, true],
    ["__proto__"],
  ];
  for (const position of positions) {
    const answer = await vpcs("ListVpcs", home, { page_token: forged(home, position) }, token);
    expect(["ok", "invalid_argument"]).toContain(answer.code);
    expect(own).toEqual(expect.arrayContaining(idsIn(answer)));
  }
});

test.each(["WatchVpcs", "ListEvents", "WatchEvents"])(
  "a cursor of another tenant shows %s one's own alone",
  async (method) => {
    const { home, token } = world.foreignProjectAdmin;
    const { body } = await vpcs("ListVpcs", world.owner, {}, owner);
    const name = `after-${method.toLowerCase()}`;
    await create(world.owner, `their-${name}`, owner);
    await create(home, name, token);
    const path = method === "WatchVpcs" ? `${service}/${method}` : `chainfire.v1.EventService/${method}`;
    const ask = { ...scope(home), cursor: body.cursor };
    const hasIt = (message: Json) => JSON.stringify(message).includes(name);
    const { code, text } = await (method === "ListEvents"
      ? call(world.url, path, ask, token)
      : opened(world.url, path, ask, token, hasIt));
    expect(code).toBe("ok");
    expect(text).toContain(name);
    expect(text).not.toMatch(/acme|alpha|their/);
  },
);

test("an idempotency key is its principal's own", async () => {
  const key = "the same key of all";
  const first = await create(world.owner, "kept", owner, key);
  expect((await create(world.owner, "kept", owner, key)).text).toBe(first.text);
  expect(await create(world.owner, "kept", world.viewer.token, key)).toMatchObject({ code: "permission_denied" });
  expect(await create(world.owner, "kept", world.foreignOrgAdmin.token, key)).toMatchObject({
    code: "permission_denied",
  });
  // A colleague's call is a call of its own: the name is taken.
  expect(await create(world.owner, "kept", colleague, key)).toMatchObject({ code: "already_exists" });
  const { home, token } = world.foreignProjectAdmin;
  const elsewhere = await create(home, "kept", token, key);
  expect(elsewhere.code).toBe("ok");
  expect(elsewhere.body.id).not.toBe(first.body.id);
});

test("a key's secret is answered again to nobody but who made it", async () => {
  const { url, admin } = world;
  const [one, other] = await Promise.all([0, 1].map(() => member(url, admin, "acme", "OrgAdmin", {})));
  const body = { org_id: "acme", service_account_id: "service-account-alpha" };
  const ask = (token = "") => call(url, `${keys}/CreateServiceAccountKey`, body, token, { "idempotency-key": "k" });
  const made = await ask(one);
  expect(made.body.secret).toMatch(/^pck_/);
  expect((await ask(one)).body).toEqual(made.body);
  const others = await ask(other);
  expect(others.body.id).not.toBe(made.body.id);
  expect(others.body.secret).not.toBe(made.body.secret);
  const read = await must(url, `${keys}/GetServiceAccountKey`, { org_id: "acme", id: made.body.id }, String(other));
  expect(read.secret).toBeUndefined();
});

test("an idempotency key answers nothing once the permission is gone", async () => {
  const { url, admin } = world;
  const created = await must(url, "iam.v1.ServiceAccountService/CreateServiceAccount", { orgId: "acme" }, admin);
  const grant = {
    orgId: "acme",
    projectId: "alpha",
    principal: `service_account:acme/${created.id}`,
    roleId: "ProjectAdmin",
  };
  const binding = await must(url, "iam.v1.RoleBindingService/CreateRoleBinding", grant, admin);
  const login = { orgId: "acme", projectId: "alpha", principalId: created.id };
  const { token } = await must(url, "iam.v1.IamTokenService/IssueToken", login, admin);
  expect((await create(world.owner, "leaving", String(token), "mine")).code).toBe("ok");
  await must(
    url,
    "iam.v1.RoleBindingService/DeleteRoleBinding",
    { ...grant, id: binding.id, principal: undefined, roleId: undefined },
    admin,
  );
  expect((await create(world.owner, "leaving", String(token), "mine")).code).toBe("permission_denied");
});

test("an etag of another resource changes nothing", async () => {
  const { home, token } = world.foreignProjectAdmin;
  const id = vpcOf(home);
  const { etag } = await must(world.url, `${service}/GetVpc`, { ...scope(world.owner), id: vpcOf(world.owner) }, owner);
  const before = await vpcs("GetVpc", home, { id }, token);
  const change = { id, etag, vpc: { labels: { a: "b" } } };
  expect(await vpcs("UpdateVpc", home, change, token)).toMatchObject({ code: "aborted" });
  expect(await vpcs("DeleteVpc", home, { id, etag }, token)).toMatchObject({ code: "aborted" });
  expect(await vpcs("GetVpc", home, { id }, token)).toEqual(before);
});

test("a batch of own and foreign ids answers the own ones alone", async () => {
  const before = await snapshot(world);
  const callers: readonly Caller[] = [world.foreignProjectAdmin, world.foreignOrgAdmin, world.neighbour];
  for (const { home, token } of callers) {
    const own = vpcOf(home);
    const mixed = await vpcs("BatchGetVpcs", home, { ids: [vpcOf(world.owner), own, "vpc-never", own] }, token);
    expect(idsIn(mixed)).toEqual([own]);
    const none = await vpcs("BatchGetVpcs", home, { ids: [vpcOf(world.owner)] }, token);
    expect(none.body).toEqual({ cursor: expect.any(String) });
  }
  expect(await snapshot(world)).toEqual(before);
});
