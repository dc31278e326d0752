// RFC 8693 against a real provider's tokens: what is taken, what is refused, and that it ends when the trust ends.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  ExchangeTokenRequestSchema,
  ExchangeTokenResponseSchema,
  IssueIdentityTokenRequestSchema,
  IssueIdentityTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { decodeJwt, SignJWT } from "jose";
import { onEachStore } from "../testing/databases.ts";
import { as, callBy, issuer as cloud, faultOf, openWorld, textOf, type World } from "../testing/world.ts";
import { openProvider, pipeline, type TestProvider } from "./testing/provider.ts";

const admin = "user:system/admin";
let world: World;
let provider: TestProvider;

function trust(init: Record<string, unknown> = {}, who = admin) {
  const usual = { orgId: "acme", serviceAccountId: "bot", issuer: provider.issuer, audience: cloud, subject: pipeline };
  return world.create(who, "federated_credential", { ...usual, ...init });
}

async function exchange(subjectToken: string, init: Record<string, unknown> = {}) {
  const request = { orgId: "acme", principalId: "bot", subjectToken, ...init };
  return as(ExchangeTokenResponseSchema, await world.handle("ExchangeToken", ExchangeTokenRequestSchema, request));
}

/** Makes a service account of its own that trusts the pipeline. */
async function account(id: string, init: Record<string, unknown> = {}): Promise<string> {
  await world.create(admin, "service_account", { orgId: "acme", id });
  return textOf(await trust({ serviceAccountId: id, ...init }), "id");
}

onEachStore((openStore) => {
  beforeAll(async () => {
    provider = await openProvider([]);
    world = await openWorld({ store: await openStore(), federation: { privateIssuers: true } });
  });

  afterAll(async () => {
    await world.close();
    await provider.close();
  });

  describe("ExchangeToken", () => {
    test("gives a service account a session of fifteen minutes without a refresh token (RFC 8693, section 2.2.1)", async () => {
      await account("builder");
      const before = Date.now();
      const answer = await exchange(await provider.pipelineToken(cloud), { principalId: "builder" });
      const { sub, exp = 0 } = decodeJwt(answer.token);
      expect(sub).toBe("service_account:acme/builder");
      expect(exp * 1000 - before).toBeLessThanOrEqual(15 * 60_000 + 1_000);
      expect(await world.iam.authenticator.authenticate(answer.token)).toMatchObject({ id: "builder", org: "acme" });
    });

    test("ends the session with the trust", async () => {
      const id = await account("leaver");
      const { token } = await exchange(await provider.pipelineToken(cloud), { principalId: "leaver" });
      await world.call(admin, "federated_credential", "delete", { orgId: "acme", id });
      expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    });

    test("takes a token with an id once, unless its credential says otherwise", async () => {
      await account("once");
      await account("often", { allowReuse: true });
      const token = await provider.pipelineToken(cloud);
      expect(decodeJwt(token).jti).toBeDefined();
      await exchange(token, { principalId: "often" });
      await exchange(token, { principalId: "once" });
      expect((await faultOf(exchange(token, { principalId: "once" }))).reason).toBe("BAD_CREDENTIALS");
      await exchange(token, { principalId: "often" });
    });

    test.each([
      ["another subject", { subject: "repo:acme/web:ref:refs/heads/other" }],
      ["another audience", { audience: "https://elsewhere.test" }],
      ["a claim that is not there", { claims: { environment: "production" } }],
    ])("refuses a token for %s in the same words", async (_name, init) => {
      const id = `no-${Object.keys(init)[0]}`;
      await account(id, init);
      const fault = await faultOf(exchange(await provider.pipelineToken(cloud), { principalId: id }));
      const missing = await faultOf(exchange(await provider.pipelineToken(cloud), { principalId: "nobody-at-all" }));
      expect([fault.reason, fault.message]).toEqual([missing.reason, missing.message]);
      expect(fault.reason).toBe("BAD_CREDENTIALS");
    });

    test("compares further claims, and subjects by their first segments", async () => {
      await account("by-claims", { claims: { client_id: pipeline }, subject: "repo:acme/*" });
      await exchange(await provider.pipelineToken(cloud), { principalId: "by-claims" });
    });

    test("is of no use in another org", async () => {
      await account("mine");
      await world.create(admin, "service_account", { orgId: "rival", id: "mine" });
      const token = await provider.pipelineToken(cloud);
      const fault = await faultOf(exchange(token, { orgId: "rival", principalId: "mine" }));
      expect(fault.reason).toBe("BAD_CREDENTIALS");
    });

    test("refuses a forged signature, none at all, and one with a shared secret", async () => {
      await account("strict");
      const good = await provider.pipelineToken(cloud);
      const claims = decodeJwt(good);
      const [head = "", body = ""] = good.split(".");
      const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`;
      const shared = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256" })
        .sign(new TextEncoder().encode("x".repeat(32)));
      for (const token of [`${head}.${body}.${"A".repeat(342)}`, none, shared, "no token", ""])
        expect((await faultOf(exchange(token, { principalId: "strict" }))).reason).toBe("BAD_CREDENTIALS");
    });

    test("asks nobody about a token that fits no trust, and reads keys once", async () => {
      await account("calm");
      await exchange(await provider.pipelineToken(cloud), { principalId: "calm" });
      const before = provider.seen.get("/jwks");
      await exchange(await provider.pipelineToken(cloud), { principalId: "calm" });
      await faultOf(exchange(await provider.pipelineToken("https://other.test"), { principalId: "calm" }));
      expect(provider.seen.get("/jwks")).toBe(before);
    });

    test("refuses a project that is not there", async () => {
      await account("placed");
      const fault = await faultOf(
        exchange(await provider.pipelineToken(cloud), { principalId: "placed", projectId: "none" }),
      );
      expect(fault.reason).toBe("INVALID_FIELDS");
    });
  });

  describe("FederatedCredential", () => {
    test.each([
      [{ issuer: "http://ci.example" }, "issuer"],
      [{ issuer: "https://ci.example/?a=b" }, "issuer"],
      [{ subject: "*" }, "subject"],
      [{ subject: "repo:acme/we*" }, "subject"],
      [{ subject: "repo:*:ref" }, "subject"],
    ])("refuses %j", async (init, path) => {
      const fault = await faultOf(trust(init));
      expect(fault.details.violations?.map((violation) => violation.path)).toEqual([path]);
    });

    test("is not made by who has less than the account", async () => {
      await world.create(admin, "service_account", { orgId: "acme", id: "mighty" });
      await world.bind("service_account:acme/mighty", "OrgAdmin", { orgId: "acme" });
      const fault = await faultOf(trust({ serviceAccountId: "mighty" }, "user:acme/bob"));
      expect(fault.reason).toBe("PERMISSION_DENIED");
    });

    test("names no account of another org", async () => {
      expect((await faultOf(trust({ orgId: "rival" }))).reason).toBe("INVALID_FIELDS");
    });
  });

  describe("IssueIdentityToken", () => {
    const ask = async (audience: string, terms = {}) =>
      as(
        IssueIdentityTokenResponseSchema,
        await world.handle(
          "IssueIdentityToken",
          IssueIdentityTokenRequestSchema,
          { audience },
          callBy("user:acme/alice", terms),
        ),
      );

    test("says who the caller is to someone else, and opens nothing here", async () => {
      const { token } = await ask("https://vault.test");
      expect(decodeJwt(token)).toMatchObject({
        iss: cloud,
        sub: "user:acme/alice",
        aud: "https://vault.test",
        org_id: "acme",
        project_id: "",
        principal_kind: "user",
      });
      expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    });

    test("is not for this cloud itself, nor for a narrowed token", async () => {
      expect((await faultOf(ask(cloud))).reason).toBe("INVALID_FIELDS");
      expect((await faultOf(ask(""))).reason).toBe("INVALID_FIELDS");
      const principal = {
        kind: "user",
        org: "acme",
        id: "alice",
        project: "",
        sessionId: "",
        limits: [{ actions: ["*"] }],
      };
      expect((await faultOf(ask("https://vault.test", { principal }))).reason).toBe("PERMISSION_DENIED");
    });
  });
});
