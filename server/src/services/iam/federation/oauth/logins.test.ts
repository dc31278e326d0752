// Logins by a real OpenID provider beside the command (RFC 8252): whom they let in, and what ends them.
import { toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { onEachStore } from "../../testing/databases.ts";
import { as, issuer as cloud, faultOf } from "../../testing/world.ts";
import { askWeb, linkOf } from "../testing/browser.ts";
import { clientSecret } from "../testing/provider.ts";
import { admin, alice, openProviderLogins, type ProviderLogins } from "../testing/provider-logins.ts";
import { grantTypes } from "./token-endpoint.ts";

let at: ProviderLogins;

onEachStore((openStore) => {
  beforeAll(async () => {
    at = await openProviderLogins(openStore);
  });

  afterAll(() => at.close());

  beforeEach(() => {
    at.provider.person = alice;
  });

  describe("a login beside the command", () => {
    test("makes a user at the first login, and finds it at the next", async () => {
      const first = await at.logIn({ sub: "new-1", email: "New.Person@acme.example", email_verified: true });
      expect(await at.principalOf(first.answer)).toMatchObject({ kind: "user", org: "acme", id: "new-person" });
      const again = await at.logIn({ sub: "new-1", email: "changed@acme.example", email_verified: true });
      expect(await at.principalOf(again.answer)).toMatchObject({ id: "new-person" });
      expect(first.answer?.headers["cache-control"]).toBe("no-store");
    });

    test("ties a user that was made beforehand, by user_name", async () => {
      await at.world.create(admin, "user", { orgId: "acme", id: "carol", userName: "Carol@acme.example" });
      const { answer } = await at.logIn(
        { sub: "carol-1", email: "carol@ACME.example", email_verified: true },
        "strict",
      );
      expect(await at.principalOf(answer)).toMatchObject({ id: "carol" });
    });

    test("refuses someone else of the same name afterwards", async () => {
      await at.world.create(admin, "user", { orgId: "acme", id: "dave", userName: "dave@acme.example" });
      await at.logIn({ sub: "dave-1", email: "dave@acme.example", email_verified: true }, "strict");
      const { shown } = await at.logIn({ sub: "impostor", email: "dave@acme.example", email_verified: true }, "strict");
      expect([shown.status, shown.body]).toEqual([403, expect.stringContaining("tied to someone else")]);
    });

    test.each([
      ["nobody knows", { sub: "x-1", email: "stranger@acme.example", email_verified: true }],
      ["has no verified address", { sub: "x-2", email: "alice@acme.example", email_verified: false }],
      ["is of another domain", { sub: "x-3", email: "eve@evil.example", email_verified: true }],
    ])("refuses who %s", async (_name, person) => {
      const { shown } = await at.logIn(person, "strict");
      expect(shown.status).toBe(403);
    });

    test("brings the groups of the rules", async () => {
      const { answer } = await at.logIn({
        ...alice,
        sub: "g-1",
        email: "g@acme.example",
        groups: ["cloud-admins", "other"],
      });
      expect(await at.principalOf(answer)).toMatchObject({ groups: ["group:acme/operators"] });
      await at.world.bind("group:acme/operators", "ProjectMember", { orgId: "acme", projectId: "alpha" });
      const may = async (who: Awaited<ReturnType<typeof at.principalOf>>) => {
        const path = { org: "acme", project: "alpha", type: "vpc", id: "" };
        const context = { sourceIp: "192.0.2.1", attributes: async () => ({}) };
        return (await at.world.iam.authorizer.authorize(who, "network:vpcs:create", path, context)).allowed;
      };
      expect(await may(await at.principalOf(answer))).toBe(true);
      const without = await at.logIn({ ...alice, sub: "g-1", email: "g@acme.example", groups: ["other"] });
      expect((await at.principalOf(without.answer)).groups).toBeUndefined();
      expect(await may(await at.principalOf(without.answer))).toBe(false);
    });

    test("keeps a user with roles outside the org from the org's own provider", async () => {
      await at.world.create(admin, "user", { orgId: "acme", id: "mighty", userName: "mighty@acme.example" });
      await at.world.bind("user:acme/mighty", "SystemAdmin", {});
      const { shown } = await at.logIn({ sub: "m-1", email: "mighty@acme.example", email_verified: true });
      expect(shown.body).toContain("roles outside the org");
    });

    test("refreshes, and ends with its provider", async () => {
      const { answer } = await at.logIn({ sub: "r-1", email: "r@acme.example", email_verified: true }, "second");
      const refreshed = await at.post("/oauth2/token", {
        grant_type: grantTypes.refresh,
        refresh_token: String(answer?.body.refresh_token),
      });
      expect(refreshed.status).toBe(200);
      const switchTo = (disabled: boolean) =>
        at.world.call(admin, "identity_provider", "update", {
          orgId: "acme",
          id: "second",
          identityProvider: { disabled },
        });
      await switchTo(true);
      expect((await faultOf(at.principalOf(refreshed))).reason).toBe("UNAUTHENTICATED");
      await switchTo(false);
      expect(await at.principalOf(refreshed)).toMatchObject({ org: "acme" });
      await at.world.call(admin, "identity_provider", "delete", { orgId: "acme", id: "second" });
      expect((await faultOf(at.principalOf(refreshed))).reason).toBe("UNAUTHENTICATED");
    });

    test("gives a code for one exchange, one verifier and one redirect URI (RFC 6749, section 4.1.3; RFC 7636, section 4.6)", async () => {
      const { shown, verifier, answer } = await at.logIn(alice);
      expect(answer?.status).toBe(200);
      expect((await at.exchangeCode(shown, verifier)).body.error).toBe("invalid_grant");
      for (const more of [{ code_verifier: "x".repeat(43) }, { redirect_uri: "http://127.0.0.1:1/callback" }]) {
        const { browser, verifier: right, url } = at.begin();
        expect((await at.exchangeCode(await browser.open(url), right, more)).body.error).toBe("invalid_grant");
      }
    });

    test("tells the command its state and who answers (RFC 9207), and its page holds no script", async () => {
      const { shown } = await at.logIn(alice);
      const link = new URL(linkOf(shown));
      expect([link.origin, link.searchParams.get("state"), link.searchParams.get("iss")]).toEqual([
        "http://127.0.0.1:7777",
        "the-command's-state",
        cloud,
      ]);
      expect(shown.headers["content-security-policy"]).toContain("default-src 'none'");
      expect(shown.headers["referrer-policy"]).toBe("no-referrer");
      expect(shown.body).not.toContain("<script");
    });

    test.each([
      ["another client", { client_id: "evil" }],
      ["a redirect elsewhere", { redirect_uri: "https://evil.example/callback" }],
      ["a loopback by name", { redirect_uri: "http://localhost:7777/callback" }],
    ])("shows %s and redirects nowhere (RFC 6749, section 4.1.2.1)", async (_name, more) => {
      const shown = await at.begin("corp", more).browser.open(at.begin("corp", more).url);
      expect([shown.status, new URL(shown.url).origin]).toEqual([400, cloud]);
    });

    test.each([
      ["no PKCE", { code_challenge: "" }, "invalid_request"],
      ["PKCE in the clear", { code_challenge_method: "plain" }, "invalid_request"],
      ["another response type", { response_type: "token" }, "unsupported_response_type"],
      ["a provider of another org", { provider_id: "strict", org_id: "rival" }, "invalid_request"],
      ["a missing provider", { provider_id: "none" }, "invalid_request"],
    ])("tells the command of %s", async (_name, more, error) => {
      const { browser, url } = at.begin("corp", more);
      expect(new URL((await browser.open(url)).url).searchParams.get("error")).toBe(error);
    });
  });

  describe("an outage of a provider", () => {
    test("breaks no other login and says so", async () => {
      await at.world.create(admin, "identity_provider", {
        orgId: "rival",
        id: "gone",
        issuer: "http://127.0.0.1:9",
        clientId: "x",
        createUsers: true,
      });
      const { browser, url } = at.begin("gone", {}, "rival");
      expect(new URL((await browser.open(url)).url).searchParams.get("error")).toBe("temporarily_unavailable");
      expect((await at.logIn(alice)).answer?.status).toBe(200);
    });
  });

  describe("secrets", () => {
    test("are in no event, answer or row", async () => {
      const { answer } = await at.logIn(alice);
      const { events } = await at.world.store.events("", { limit: 1_000 });
      const said = events
        .map(
          (event) =>
            JSON.stringify({ ...event, resource: "" }, (_key, value: unknown) =>
              typeof value === "bigint" ? String(value) : value,
            ) + Buffer.from(event.resource).toString("latin1"),
        )
        .join();
      const read = await at.world.call(admin, "identity_provider", "get", { orgId: "acme", id: "corp" });
      const got = toJsonString(IdentityProviderSchema, as(IdentityProviderSchema, read));
      const row = await at.world.store.get({
        tenant: { org: "acme", project: "" },
        kind: "iam.v1.IdentityProvider",
        id: "corp",
      });
      const kept = Buffer.from(row?.secret ?? []).toString("latin1");
      for (const secret of [clientSecret, String(answer?.body.access_token), String(answer?.body.refresh_token)])
        expect([said.includes(secret), got.includes(secret), kept.includes(secret)]).toEqual([false, false, false]);
    });
  });

  test("the cloud's own metadata names what it serves (RFC 8414, OpenID Connect Discovery 1.0)", async () => {
    const answer = await askWeb(at.web, `${cloud}/.well-known/openid-configuration`);
    expect(JSON.parse(answer.body)).toMatchObject({ issuer: cloud, jwks_uri: `${cloud}/.well-known/jwks.json` });
  });

  test("a place that begins too many logins waits, and others don't", async () => {
    const { url } = at.begin();
    const statuses = new Set<string>();
    for (let left = 70; left > 0; left--) {
      const { headers } = await askWeb(at.web, url, { sourceIp: "198.51.100.1" });
      statuses.add(new URL(headers.location ?? "").searchParams.get("error") ?? "");
    }
    expect([...statuses]).toEqual(["", "temporarily_unavailable"]);
    const { headers } = await askWeb(at.web, url, { sourceIp: "198.51.100.2" });
    expect(headers.location).toContain(at.provider.issuer);
  });
});
