// Who may ask SCIM for what, by which token, and what it tells of itself.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RevokeSessionsRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { formatKeySecret, keySecretBytes } from "../credentials/key-secret.ts";
import { onEachStore } from "../testing/databases.ts";
import { callBy, kindOf, textOf } from "../testing/world.ts";
import { admin, openDirectory, type TestDirectory } from "./testing/directory.ts";

let at: TestDirectory;

onEachStore((openStore) => {
  beforeAll(async () => {
    at = await openDirectory(await openStore());
  });

  afterAll(() => at.close());

  describe("a lasting token", () => {
    async function newKey() {
      const key = { orgId: "acme", serviceAccountId: "directory" };
      const made = await at.world.create(admin, "service_account_key", key);
      return { id: textOf(made, "id"), token: `directory.${textOf(made, "secret")}` };
    }
    const users = (token: string) => at.scim("GET", "/Users?count=1", undefined, { who: "", token });

    test("is a service account's key: it is good until it is deleted, and a second one takes over", async () => {
      const [old, next] = [await newKey(), await newKey()];
      expect([(await users(old.token)).status, (await users(old.token)).status]).toEqual([200, 200]);
      const kind = "iam.v1.Session";
      const { events } = await at.world.store.events("", { kind, types: ["login"], limit: 1000 });
      expect(events.filter(({ credential }) => credential === `key:${old.id}`)).toHaveLength(1);
      await at.world.call(admin, "service_account_key", "delete", { orgId: "acme", id: old.id });
      expect([(await users(old.token)).status, (await users(next.token)).status]).toEqual([401, 200]);
    });

    test("begins another session where its own was ended", async () => {
      const { token } = await newKey();
      expect((await users(token)).status).toBe(200);
      const request = { orgId: "acme", principalId: "directory" };
      await at.world.handle("RevokeSessions", RevokeSessionsRequestSchema, request, callBy(admin));
      expect((await users(token)).status).toBe(200);
    });

    test("whose secret was changed ends although it was remembered, and the new one is taken", async () => {
      const { id, token } = await newKey();
      expect((await users(token)).status).toBe(200);
      const kind = kindOf("service_account_key");
      const [method] = kind.custom;
      const secret = formatKeySecret(crypto.getRandomValues(new Uint8Array(keySecretBytes)));
      if (method === undefined) throw new Error("keys can't be rotated");
      await at.world.resources.custom(
        kind,
        method,
        create(method.desc.input, { orgId: "acme", id, secret }),
        callBy(admin),
      );
      expect([(await users(token)).status, (await users(`directory.${secret}`)).status]).toEqual([401, 200]);
    });

    test("of one org is none in another, which is told nothing else than of garbage", async () => {
      const { token } = await newKey();
      await at.world.create(admin, "service_account", { orgId: "rival", id: "directory" });
      expect((await users(token)).status).toBe(200);
      const elsewhere = (given: string) => at.scim("GET", "/Users", undefined, { who: "", org: "rival", token: given });
      const garbage = await elsewhere(`directory.pck_${"x".repeat(43)}`);
      expect(await elsewhere(token)).toEqual(garbage);
      expect(garbage.status).toBe(401);
    });

    test("is no access token, and a disabled account has none", async () => {
      const { token } = await newKey();
      expect((await users(token)).status).toBe(200);
      await expect(at.world.iam.authenticator.authenticate(token)).rejects.toThrow();
      const disable = (disabled: boolean) =>
        at.world.call(admin, "service_account", "update", {
          orgId: "acme",
          id: "directory",
          serviceAccount: { disabled },
          updateMask: { paths: ["disabled"] },
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

  describe("whoever asks", () => {
    test("without a token is told to bring one", async () => {
      const { status, headers } = await at.scim("GET", "/Users", undefined, { who: "" });
      expect([status, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    });

    test("of another org gets nothing, there or not", async () => {
      for (const org of ["rival", "no-such-org"])
        expect((await at.scim("GET", "/Users", undefined, { org })).status).toBe(403);
    });

    test("can't change who has more than oneself", async () => {
      await at.world.create(admin, "user", { orgId: "acme", id: "boss", userName: "boss@acme.example" });
      await at.world.bind("user:acme/boss", "OrgAdmin", { orgId: "acme" });
      const stolen = await at.scim("PUT", "/Users/boss", { userName: "thief@acme.example" });
      expect(stolen.status).toBe(403);
    });

    test("finds what is served without a token (section 4)", async () => {
      const nobody = { who: "" };
      expect((await at.scim("GET", "/ServiceProviderConfig", undefined, nobody)).body).toMatchObject({
        patch: { supported: true },
      });
      expect((await at.scim("GET", "/ResourceTypes", undefined, nobody)).body).toMatchObject({ totalResults: 2 });
      expect(
        (await at.scim("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", undefined, nobody)).body.name,
      ).toBe("User");
      expect((await at.scim("POST", "/Bulk", {}, nobody)).status).toBe(501);
      expect((await at.scim("GET", "/Nothing", undefined, nobody)).status).toBe(404);
    });
  });
});
