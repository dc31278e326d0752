// Users and groups as Okta and Entra ID send them: ordinary ones, by ordinary permissions.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { onEachStore } from "../testing/databases.ts";
import { issuer } from "../testing/world.ts";
import { admin, openDirectory, type TestDirectory } from "./testing/directory.ts";

let at: TestDirectory;

onEachStore((openStore) => {
  beforeAll(async () => {
    at = await openDirectory(await openStore());
  });

  afterAll(() => at.close());

  describe("a user", () => {
    test("is made, found, changed and deleted", async () => {
      const made = await at.scim("POST", "/Users", {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: "Grace.Hopper@acme.example",
        externalId: "00u1",
        name: { givenName: "Grace", familyName: "Hopper" },
        emails: [{ value: "grace@home.example" }, { value: "grace.hopper@acme.example", primary: true }],
        active: true,
        password: "is never taken from a directory",
      });
      expect(made.status).toBe(201);
      expect(made.headers.location).toBe(`${issuer}/scim/v2/acme/Users/grace-hopper`);
      expect(made.body).toMatchObject({
        id: "grace-hopper",
        externalId: "00u1",
        displayName: "Grace Hopper",
        emails: [{ value: "grace.hopper@acme.example", primary: true }],
        active: true,
      });
      const found = await at.scim(
        "GET",
        `/Users?filter=${encodeURIComponent('userName eq "grace.hopper@ACME.example"')}`,
      );
      expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ id: "grace-hopper" }] });
      const put = await at.scim("PUT", "/Users/grace-hopper", {
        userName: "grace@acme.example",
        displayName: "Rear Admiral",
      });
      expect(put.body).toMatchObject({ userName: "grace@acme.example", displayName: "Rear Admiral" });
      expect(put.body).not.toHaveProperty("externalId");
      expect(put.body).not.toHaveProperty("emails");
      expect((await at.scim("DELETE", "/Users/grace-hopper")).status).toBe(204);
      expect((await at.scim("GET", "/Users/grace-hopper")).body).toMatchObject({ status: "404" });
    });

    test("of a name that is taken is refused as SCIM says it (RFC 7644, section 3.12)", async () => {
      await at.makeUser("twice@acme.example");
      expect((await at.scim("POST", "/Users", { userName: "TWICE@acme.example" })).body).toEqual({
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: "409",
        scimType: "uniqueness",
        detail: expect.any(String),
      });
      expect(await at.makeUser("twice@other.example")).toMatch(/^twice-[0-9a-f]{8}$/);
    });

    test.each([
      ["Okta's", { op: "replace", value: { active: false } }],
      ["Entra ID's", { op: "Replace", path: "active", value: "False" }],
    ])("is switched off by %s PATCH", async (name, operation) => {
      const id = await at.makeUser(`off-${name.length}@acme.example`);
      const { status, body } = await at.patch(`/Users/${id}`, operation);
      expect([status, body.active]).toEqual([200, false]);
      const { body: found } = await at.scim("GET", `/Users/${id}`);
      expect(found.active).toBe(false);
    });

    test("is changed by paths as Entra ID writes them (section 3.5.2)", async () => {
      const id = await at.makeUser("paths@acme.example", { displayName: "Before" });
      const { body } = await at.patch(
        `/Users/${id}`,
        { op: "Add", path: 'emails[type eq "work"].value', value: "paths@acme.example" },
        { op: "Replace", value: { "name.formatted": "After", externalId: "e-1" } },
      );
      expect(body).toMatchObject({
        displayName: "After",
        externalId: "e-1",
        emails: [{ value: "paths@acme.example" }],
      });
      expect((await at.patch(`/Users/${id}`, { op: "remove", path: "externalId" })).body).not.toHaveProperty(
        "externalId",
      );
    });

    test("is kept from a change of a version that is no longer there (section 3.14)", async () => {
      const id = await at.makeUser("etag@acme.example");
      const { headers } = await at.scim("GET", `/Users/${id}`);
      const etag = headers.etag ?? "";
      expect((await at.scim("GET", `/Users/${id}`, undefined, { headers: { "if-none-match": etag } })).status).toBe(
        304,
      );
      const body = { userName: "etag@acme.example", displayName: "New" };
      expect((await at.scim("PUT", `/Users/${id}`, body, { headers: { "if-match": etag } })).status).toBe(200);
      expect((await at.scim("PUT", `/Users/${id}`, body, { headers: { "if-match": etag } })).status).toBe(412);
      expect((await at.scim("DELETE", `/Users/${id}`, undefined, { headers: { "if-match": etag } })).status).toBe(412);
    });

    test.each([
      [{ displayName: "nobody" }, 400],
      [{ userName: "x@acme.example", active: "perhaps" }, 400],
      [{ userName: "x@acme.example", emails: [{ value: "no address" }] }, 400],
    ])("of %j is refused", async (body, status) => {
      expect((await at.scim("POST", "/Users", body)).status).toBe(status);
    });
  });

  describe("a group", () => {
    test("takes people in and out, and keeps its programs", async () => {
      const [one, two] = [await at.makeUser("m1@acme.example"), await at.makeUser("m2@acme.example")];
      const { body } = await at.scim("POST", "/Groups", {
        displayName: "Site Reliability",
        externalId: "g-1",
        members: [{ value: one }],
      });
      expect(body).toMatchObject({ id: "site-reliability", members: [{ value: one, type: "User" }] });
      const members = [`user:acme/${one}`, "service_account:acme/bot"];
      await at.world.call(admin, "group", "update", { orgId: "acme", id: "site-reliability", group: { members } });
      const added = await at.patch("/Groups/site-reliability", {
        op: "add",
        path: "members",
        value: [{ value: two }, { value: one }],
      });
      expect(added.body.members).toEqual([
        expect.objectContaining({ value: one }),
        expect.objectContaining({ value: two }),
      ]);
      await at.patch("/Groups/site-reliability", { op: "remove", path: `members[value eq "${one}"]` });
      const left = await at.patch("/Groups/site-reliability", {
        op: "Remove",
        path: "members",
        value: [{ value: two }],
      });
      expect(left.body.members).toEqual([]);
      const row = await at.world.call(admin, "group", "get", { orgId: "acme", id: "site-reliability" });
      expect(row).toMatchObject({ members: ["service_account:acme/bot"], externalId: "g-1" });
    });

    test("is found by name, member and external id, and shown without its members", async () => {
      const member = await at.makeUser("find@acme.example");
      await at.scim("POST", "/Groups", { displayName: "Finders", externalId: "f-1", members: [{ value: member }] });
      const filter = encodeURIComponent(
        `displayName eq "finders" and externalId eq "f-1" and members.value eq "${member}"`,
      );
      const { body } = await at.scim("GET", `/Groups?filter=${filter}&excludedAttributes=members`);
      expect(body).toMatchObject({ totalResults: 1, Resources: [{ displayName: "Finders" }] });
      expect(JSON.stringify(body)).not.toContain('"members"');
      const byMember = encodeURIComponent(`members[value eq "${member}"]`);
      expect((await at.scim("GET", `/Groups?filter=${byMember}`)).body.totalResults).toBe(1);
    });

    test("takes nobody who is not of the org", async () => {
      const { status } = await at.scim("POST", "/Groups", {
        displayName: "Strangers",
        members: [{ value: "mallory" }],
      });
      expect(status).toBe(400);
    });
  });
});
