// SCIM as Okta and Entra ID speak it: what they send makes ordinary users and groups, by ordinary permissions.

import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { RevokeSessionsRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { Fault } from "../../../fault.ts";
import type { WebRequest } from "../../web.ts";
import { formatKeySecret, keySecretBytes } from "../credentials/key-secret.ts";
import { onEachStore } from "../testing/databases.ts";
import { callBy, issuer as cloud, kindOf, openWorld, textOf, type World } from "../testing/world.ts";
import { parseFilter } from "./filter.ts";
import { patched } from "./patch.ts";

const admin = "user:system/admin";
const directory = "service_account:acme/directory";
const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
let world: World;
let web: ReturnType<World["iam"]["web"]>;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

async function scim(
  method: string,
  path: string,
  body?: unknown,
  {
    who = directory,
    org = "acme",
    headers = {},
    token = "",
  }: { who?: string; org?: string; headers?: Record<string, string>; token?: string } = {},
): Promise<Answer> {
  const requestWith = (bearer: string): WebRequest => ({
    method,
    url: new URL(`${cloud}/scim/v2/${org}${path}`),
    headers: { "content-type": "application/scim+json; charset=utf-8", ...headers },
    body: body === undefined ? "" : JSON.stringify(body),
    sourceIp: "192.0.2.9",
    requestId: "request-1",
    token: bearer,
    signal: new AbortController().signal,
    as: requestWith,
    async permit(kind, verb, inOrg, id, work) {
      const principal = bearer === "" ? callBy(who).principal : await world.iam.authenticator.authenticate(bearer);
      if (principal === undefined) throw new Fault("UNAUTHENTICATED", "a token is needed");
      const path = { org: inOrg, project: "", type: kind.noun, id };
      const context = { sourceIp: "192.0.2.9", attributes: async () => ({}) };
      const { permission } = kind.standard[verb];
      const { allowed } = await world.iam.authorizer.authorize(principal, permission, path, context);
      if (allowed) return work(principal, "");
      throw new Fault("PERMISSION_DENIED", `no ${permission}`, { permission });
    },
  });
  const answer = await web(requestWith(token));
  if (answer === undefined) throw new Error(`nothing answers ${path}`);
  const text = String(answer.body);
  return { status: answer.status, headers: answer.headers, body: text === "" ? {} : JSON.parse(text) };
}

function patch(path: string, ...Operations: unknown[]): Promise<Answer> {
  return scim("PATCH", path, { schemas: [patchSchema], Operations });
}

function resourcesIn(body: Record<string, unknown>): readonly string[] {
  return Array.isArray(body.Resources) ? body.Resources.map((one) => String(Reflect.get(Object(one), "id"))) : [];
}

async function makeUser(userName: string, more: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await scim("POST", "/Users", { userName, ...more });
  expect(status).toBe(201);
  return String(body.id);
}

onEachStore((openStore) => {
  beforeAll(async () => {
    world = await openWorld({ store: await openStore() });
    web = world.iam.web(world.resources);
    await world.create(admin, "service_account", { orgId: "acme", id: "directory" });
    const actions = ["users", "groups"].map((plural) => ({ action: `iam:${plural}:*` }));
    await world.create(admin, "role", { orgId: "acme", id: "Directory", permissions: actions });
    await world.bind(directory, "Directory", { orgId: "acme" });
  });

  afterAll(() => world.close());

  describe("a user", () => {
    test("is made, found, changed and deleted", async () => {
      const made = await scim("POST", "/Users", {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: "Grace.Hopper@acme.example",
        externalId: "00u1",
        name: { givenName: "Grace", familyName: "Hopper" },
        emails: [{ value: "grace@home.example" }, { value: "grace.hopper@acme.example", primary: true }],
        active: true,
        password: "is never taken from a directory",
      });
      expect(made.status).toBe(201);
      expect(made.headers.location).toBe(`${cloud}/scim/v2/acme/Users/grace-hopper`);
      expect(made.body).toMatchObject({
        id: "grace-hopper",
        externalId: "00u1",
        displayName: "Grace Hopper",
        emails: [{ value: "grace.hopper@acme.example", primary: true }],
        active: true,
      });
      const found = await scim("GET", `/Users?filter=${encodeURIComponent('userName eq "grace.hopper@ACME.example"')}`);
      expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ id: "grace-hopper" }] });
      const put = await scim("PUT", "/Users/grace-hopper", {
        userName: "grace@acme.example",
        displayName: "Rear Admiral",
      });
      expect(put.body).toMatchObject({ userName: "grace@acme.example", displayName: "Rear Admiral" });
      expect(put.body).not.toHaveProperty("externalId");
      expect(put.body).not.toHaveProperty("emails");
      expect((await scim("DELETE", "/Users/grace-hopper")).status).toBe(204);
      expect((await scim("GET", "/Users/grace-hopper")).body).toMatchObject({ status: "404" });
    });

    test("of a name that is taken is refused as SCIM says it (RFC 7644, section 3.12)", async () => {
      await makeUser("twice@acme.example");
      expect((await scim("POST", "/Users", { userName: "TWICE@acme.example" })).body).toEqual({
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: "409",
        scimType: "uniqueness",
        detail: expect.any(String),
      });
      expect(await makeUser("twice@other.example")).toMatch(/^twice-[0-9a-f]{8}$/);
    });

    test.each([
      ["Okta's", { op: "replace", value: { active: false } }],
      ["Entra ID's", { op: "Replace", path: "active", value: "False" }],
    ])("is switched off by %s PATCH", async (name, operation) => {
      const id = await makeUser(`off-${name.length}@acme.example`);
      const { status, body } = await patch(`/Users/${id}`, operation);
      expect([status, body.active]).toEqual([200, false]);
      const { body: found } = await scim("GET", `/Users/${id}`);
      expect(found.active).toBe(false);
    });

    test("is changed by paths as Entra ID writes them (section 3.5.2)", async () => {
      const id = await makeUser("paths@acme.example", { displayName: "Before" });
      const { body } = await patch(
        `/Users/${id}`,
        { op: "Add", path: 'emails[type eq "work"].value', value: "paths@acme.example" },
        { op: "Replace", value: { "name.formatted": "After", externalId: "e-1" } },
      );
      expect(body).toMatchObject({
        displayName: "After",
        externalId: "e-1",
        emails: [{ value: "paths@acme.example" }],
      });
      expect((await patch(`/Users/${id}`, { op: "remove", path: "externalId" })).body).not.toHaveProperty("externalId");
    });

    test("is kept from a change of a version that is no longer there (section 3.14)", async () => {
      const id = await makeUser("etag@acme.example");
      const { headers } = await scim("GET", `/Users/${id}`);
      const etag = headers.etag ?? "";
      expect((await scim("GET", `/Users/${id}`, undefined, { headers: { "if-none-match": etag } })).status).toBe(304);
      const body = { userName: "etag@acme.example", displayName: "New" };
      expect((await scim("PUT", `/Users/${id}`, body, { headers: { "if-match": etag } })).status).toBe(200);
      expect((await scim("PUT", `/Users/${id}`, body, { headers: { "if-match": etag } })).status).toBe(412);
      expect((await scim("DELETE", `/Users/${id}`, undefined, { headers: { "if-match": etag } })).status).toBe(412);
    });

    test.each([
      [{ displayName: "nobody" }, 400],
      [{ userName: "x@acme.example", active: "perhaps" }, 400],
      [{ userName: "x@acme.example", emails: [{ value: "no address" }] }, 400],
    ])("of %j is refused", async (body, status) => {
      expect((await scim("POST", "/Users", body)).status).toBe(status);
    });
  });

  describe("a group", () => {
    test("takes people in and out, and keeps its programs", async () => {
      const [one, two] = [await makeUser("m1@acme.example"), await makeUser("m2@acme.example")];
      const { body } = await scim("POST", "/Groups", {
        displayName: "Site Reliability",
        externalId: "g-1",
        members: [{ value: one }],
      });
      expect(body).toMatchObject({ id: "site-reliability", members: [{ value: one, type: "User" }] });
      const members = [`user:acme/${one}`, "service_account:acme/bot"];
      await world.call(admin, "group", "update", { orgId: "acme", id: "site-reliability", group: { members } });
      const added = await patch("/Groups/site-reliability", {
        op: "add",
        path: "members",
        value: [{ value: two }, { value: one }],
      });
      expect(added.body.members).toEqual([
        expect.objectContaining({ value: one }),
        expect.objectContaining({ value: two }),
      ]);
      await patch("/Groups/site-reliability", { op: "remove", path: `members[value eq "${one}"]` });
      const left = await patch("/Groups/site-reliability", { op: "Remove", path: "members", value: [{ value: two }] });
      expect(left.body.members).toEqual([]);
      const row = await world.call(admin, "group", "get", { orgId: "acme", id: "site-reliability" });
      expect(row).toMatchObject({ members: ["service_account:acme/bot"], externalId: "g-1" });
    });

    test("is found by name, member and external id, and shown without its members", async () => {
      const member = await makeUser("find@acme.example");
      await scim("POST", "/Groups", { displayName: "Finders", externalId: "f-1", members: [{ value: member }] });
      const filter = encodeURIComponent(
        `displayName eq "finders" and externalId eq "f-1" and members.value eq "${member}"`,
      );
      const { body } = await scim("GET", `/Groups?filter=${filter}&excludedAttributes=members`);
      expect(body).toMatchObject({ totalResults: 1, Resources: [{ displayName: "Finders" }] });
      expect(JSON.stringify(body)).not.toContain('"members"');
      const byMember = encodeURIComponent(`members[value eq "${member}"]`);
      expect((await scim("GET", `/Groups?filter=${byMember}`)).body.totalResults).toBe(1);
    });

    test("takes nobody who is not of the org", async () => {
      const { status } = await scim("POST", "/Groups", { displayName: "Strangers", members: [{ value: "mallory" }] });
      expect(status).toBe(400);
    });
  });

  describe("a lasting token", () => {
    async function newKey() {
      const key = { orgId: "acme", serviceAccountId: "directory" };
      const made = await world.create(admin, "service_account_key", key);
      return { id: textOf(made, "id"), token: `directory.${textOf(made, "secret")}` };
    }
    const users = (token: string) => scim("GET", "/Users?count=1", undefined, { who: "", token });

    test("is a service account's key: it is good until it is deleted, and a second one takes over", async () => {
      const [old, next] = [await newKey(), await newKey()];
      expect([(await users(old.token)).status, (await users(old.token)).status]).toEqual([200, 200]);
      const kind = "iam.v1.Session";
      const { events } = await world.store.events("", { kind, types: ["login"], limit: 1000 });
      expect(events.filter(({ credential }) => credential === `key:${old.id}`)).toHaveLength(1);
      await world.call(admin, "service_account_key", "delete", { orgId: "acme", id: old.id });
      expect([(await users(old.token)).status, (await users(next.token)).status]).toEqual([401, 200]);
    });

    test("begins another session where its own was ended", async () => {
      const { token } = await newKey();
      expect((await users(token)).status).toBe(200);
      const request = { orgId: "acme", principalId: "directory" };
      await world.handle("RevokeSessions", RevokeSessionsRequestSchema, request, callBy(admin));
      expect((await users(token)).status).toBe(200);
    });

    test("whose secret was changed ends although it was remembered, and the new one is taken", async () => {
      const { id, token } = await newKey();
      expect((await users(token)).status).toBe(200);
      const kind = kindOf("service_account_key");
      const [method] = kind.custom;
      const secret = formatKeySecret(crypto.getRandomValues(new Uint8Array(keySecretBytes)));
      if (method === undefined) throw new Error("keys can't be rotated");
      await world.resources.custom(
        kind,
        method,
        create(method.desc.input, { orgId: "acme", id, secret }),
        callBy(admin),
      );
      expect([(await users(token)).status, (await users(`directory.${secret}`)).status]).toEqual([401, 200]);
    });

    test("of one org is none in another, which is told nothing else than of garbage", async () => {
      const { token } = await newKey();
      await world.create(admin, "service_account", { orgId: "rival", id: "directory" });
      expect((await users(token)).status).toBe(200);
      const elsewhere = (given: string) => scim("GET", "/Users", undefined, { who: "", org: "rival", token: given });
      const garbage = await elsewhere(`directory.pck_${"x".repeat(43)}`);
      expect(await elsewhere(token)).toEqual(garbage);
      expect(garbage.status).toBe(401);
    });

    test("is no access token, and a disabled account has none", async () => {
      const { token } = await newKey();
      expect((await users(token)).status).toBe(200);
      await expect(world.iam.authenticator.authenticate(token)).rejects.toThrow();
      const disable = (disabled: boolean) =>
        world.call(admin, "service_account", "update", {
          ...{ orgId: "acme", id: "directory", serviceAccount: { disabled }, updateMask: { paths: ["disabled"] } },
        });
      await disable(true);
      expect((await users(token)).status).toBe(401);
      await disable(false);
      expect((await users(token)).status).toBe(200);
    });

    test.each(["directory", "nobody"])("that is wrong is none: of %s", async (account) => {
      const { status, body } = await users(`${account}.pck_${"x".repeat(43)}`);
      expect([status, JSON.stringify(body).includes("xxx")]).toEqual([401, false]);
    });
  });

  describe("lists", () => {
    test.each([
      ["Users", 'userName eq "LOOKED.up@acme.example"'],
      ["Users", 'externalId eq "ext-1"'],
      ["Users", 'externalId eq "ext-1" and userName eq "looked.up@acme.example"'],
      ["Groups", 'displayName eq "Looked Up"'],
      ["Groups", 'externalId eq "ext-1"'],
    ])("of %s where %s read what the index names, and nothing else", async (sort, filter) => {
      const found = async () => {
        const { body } = await scim("GET", `/${sort}?filter=${encodeURIComponent(filter)}`);
        return [body.totalResults, body.Resources];
      };
      const made = await scim("POST", `/${sort}`, {
        ...{ userName: "looked.up@acme.example", displayName: "Looked Up", externalId: "ext-1" },
      });
      const counted = jest.spyOn(world.store, "list");
      expect(await found()).toMatchObject([1, [{ id: made.body.id }]]);
      expect(counted.mock.calls.filter(([{ ids }]) => ids === undefined)).toEqual([]);
      counted.mockRestore();
      await scim("DELETE", `/${sort}/${String(made.body.id)}`);
      expect(await found()).toEqual([0, []]);
    });

    test("come in pages that count from 1 (section 3.4.2.4), each read by itself", async () => {
      for (let nth = 0; nth < 5; nth += 1) await makeUser(`page-${nth}@acme.example`);
      const all = (await scim("GET", "/Users?count=1000")).body;
      const everyone = resourcesIn(all);
      expect(all.totalResults).toBe(everyone.length);
      const counted = jest.spyOn(world.store, "list");
      const paged: string[] = [];
      for (let startIndex = 1; startIndex <= everyone.length; startIndex += 2) {
        const { body } = await scim("GET", `/Users?startIndex=${startIndex}&count=2`);
        const ids = resourcesIn(body);
        expect(body).toMatchObject({ totalResults: everyone.length, startIndex, itemsPerPage: ids.length });
        paged.push(...ids);
      }
      expect(paged).toEqual(everyone);
      const users = counted.mock.calls.filter(([{ kind }]) => kind === "iam.v1.User");
      expect(users.map(([{ ids }]) => ids?.length ?? Number.POSITIVE_INFINITY).filter((read) => read > 2)).toEqual([]);
      counted.mockRestore();
      expect((await scim("GET", "/Users?count=0")).body).toMatchObject({
        ...{ Resources: [], totalResults: everyone.length },
      });
      const beyond = await scim("GET", `/Users?startIndex=${everyone.length + 1}`);
      expect(beyond.body).toMatchObject({ Resources: [], totalResults: everyone.length });
    });

    test("of one value in pages, too", async () => {
      for (const nth of [1, 2, 3]) await makeUser(`alike-${nth}@acme.example`, { externalId: "alike" });
      const filter = encodeURIComponent('externalId eq "alike"');
      const { body } = await scim("GET", `/Users?filter=${filter}&startIndex=2&count=1`);
      expect([body.totalResults, resourcesIn(body)]).toEqual([3, ["alike-2"]]);
    });

    test("are not begun for who may not list: nothing is read that could tell by its time who is there", async () => {
      const filters = ["", 'userName eq "boss@acme.example"', 'externalId eq "x"'];
      const reads = (["list", "ids", "holder"] as const).map((name) => jest.spyOn(world.store, name));
      for (const filter of filters)
        await scim("GET", `/Users?filter=${encodeURIComponent(filter)}`, undefined, { who: "user:acme/alice" });
      const about = reads.flatMap(({ mock }) => mock.calls.map(([asked]) => JSON.stringify(asked)));
      expect(about.filter((one) => /iam\.v1\.User"|user-names/.test(one))).toEqual([]);
      for (const spy of reads) spy.mockRestore();
    });

    test.each(['userName co "a"', "userName eq", '(userName eq "a")', 'userName eq "a" or id eq "b"'])(
      "refuse the filter %s",
      async (filter) => {
        const { status, body } = await scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
        expect([status, body.scimType]).toEqual([400, "invalidFilter"]);
      },
    );
  });

  describe("whoever asks", () => {
    test("without a token is told to bring one", async () => {
      const { status, headers } = await scim("GET", "/Users", undefined, { who: "" });
      expect([status, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    });

    test("of another org gets nothing, there or not", async () => {
      for (const org of ["rival", "no-such-org"])
        expect((await scim("GET", "/Users", undefined, { org })).status).toBe(403);
    });

    test("can't change who has more than oneself", async () => {
      await world.create(admin, "user", { orgId: "acme", id: "boss", userName: "boss@acme.example" });
      await world.bind("user:acme/boss", "OrgAdmin", { orgId: "acme" });
      const stolen = await scim("PUT", "/Users/boss", { userName: "thief@acme.example" });
      expect(stolen.status).toBe(403);
    });

    test("finds what is served without a token (section 4)", async () => {
      const nobody = { who: "" };
      expect((await scim("GET", "/ServiceProviderConfig", undefined, nobody)).body).toMatchObject({
        patch: { supported: true },
      });
      expect((await scim("GET", "/ResourceTypes", undefined, nobody)).body).toMatchObject({ totalResults: 2 });
      expect(
        (await scim("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", undefined, nobody)).body.name,
      ).toBe("User");
      expect((await scim("POST", "/Bulk", {}, nobody)).status).toBe(501);
      expect((await scim("GET", "/Nothing", undefined, nobody)).status).toBe(404);
    });
  });
});

describe("patched()", () => {
  test.each([
    [{ op: "add", path: "a", value: 1 }, { a: 1 }],
    [{ op: "add", path: "list", value: [{ value: "x" }] }, { list: [{ value: "x" }] }],
    [{ op: "replace", path: "Name.Formatted", value: "n" }, { Name: { Formatted: "n" } }],
    [{ op: "remove", path: "nothing" }, {}],
  ])("does %j", (operation, expected) => {
    expect(patched({}, { Operations: [operation] })).toEqual(expected);
  });

  test.each([
    [{ op: "move", path: "a" }],
    [{ op: "remove" }],
    [{ op: "add", value: 3 }],
    [{ op: "add", path: "a[", value: 3 }],
    ["x"],
  ])("refuses %j", (operation) => {
    expect(() => patched({}, { Operations: [operation] })).toThrow(expect.objectContaining({ status: 400 }));
  });
});

test("parseFilter() takes URNs, truth values and several attributes", () => {
  expect(parseFilter('urn:ietf:params:scim:schemas:core:2.0:User:userName Eq "a \\"b\\"" AND active eq True')).toEqual([
    { path: ["userName"], value: 'a "b"' },
    { path: ["active"], value: true },
  ]);
});
