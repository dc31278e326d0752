// Logins by a real OpenID provider: beside the command (RFC 8252) and away from it (RFC 8628), whom they let in, and what ends them.
import { createHash, randomBytes } from "node:crypto";
import { toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { systemClock } from "../../../../clock.ts";
import type { WebHandler } from "../../../web.ts";
import { onEachStore } from "../../testing/databases.ts";
import { as, issuer as cloud, faultOf, openWorld, type World } from "../../testing/world.ts";
import { askWeb, Browser, linkOf, type Shown, ticketOf } from "../testing/browser.ts";
import { clientId, clientSecret, openProvider, type Person, type TestProvider } from "../testing/provider.ts";
import { cliClient } from "./client.ts";
import { grantTypes } from "./token-endpoint.ts";

const admin = "user:system/admin";
const redirectUri = "http://127.0.0.1:7777/callback";
const alice: Person = { sub: "person-1", email: "alice@acme.example", email_verified: true };
let world: World;
let provider: TestProvider;
let web: WebHandler;
/** How far the cloud's clock is ahead. */
let aheadMs = 0;

interface Begun {
  readonly browser: Browser;
  readonly verifier: string;
  readonly url: string;
}

function begin(providerId = "corp", more: Record<string, string> = {}, org = "acme"): Begun {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: cliClient,
    redirect_uri: redirectUri,
    state: "the-command's-state",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    org_id: org,
    provider_id: providerId,
    ...more,
  });
  return { browser: new Browser(cloud, web), verifier, url: `${cloud}/oauth2/authorize?${query}` };
}

async function post(path: string, form: Record<string, string>) {
  const answer = await askWeb(web, `${cloud}${path}`, { form });
  const body: Record<string, unknown> = JSON.parse(answer.body);
  return { status: answer.status, headers: answer.headers, body };
}

function exchangeCode(shown: Shown, verifier: string, more: Record<string, string> = {}) {
  const code = new URL(linkOf(shown)).searchParams.get("code") ?? "";
  const form = {
    grant_type: grantTypes.code,
    client_id: cliClient,
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
  };
  return post("/oauth2/token", { ...form, ...more });
}

/** Logs a person in beside the command. */
async function logIn(person: Person, providerId = "corp", more: Record<string, string> = {}) {
  provider.person = person;
  const { browser, verifier, url } = begin(providerId, more);
  const shown = await browser.open(url);
  return { shown, browser, verifier, answer: shown.status === 200 ? await exchangeCode(shown, verifier) : undefined };
}

async function principalOf(answer: { readonly body: Record<string, unknown> } | undefined) {
  return world.iam.authenticator.authenticate(String(answer?.body.access_token));
}

onEachStore((openStore) => {
  beforeAll(async () => {
    aheadMs = 0;
    provider = await openProvider([
      ...["corp", "strict", "second"].map((id) => `${cloud}/oauth2/callback/acme/${id}`),
      `${cloud}/oauth2/callback/rival/corp`,
    ]);
    const clock = { ...systemClock, now: () => Date.now() + aheadMs, sleep: systemClock.sleep };
    world = await openWorld({
      clock,
      store: await openStore(clock),
      federation: { privateIssuers: true },
      masterKey: randomBytes(32),
    });
    web = world.iam.web(world.resources);
    await world.create(admin, "group", { orgId: "acme", id: "operators" });
    const usual = { issuer: provider.issuer, clientId, clientSecret };
    const groupRules = [{ claim: "groups", value: "cloud-*", groupIds: ["operators"] }];
    await world.create(admin, "identity_provider", {
      ...usual,
      orgId: "acme",
      id: "corp",
      createUsers: true,
      groupRules,
    });
    await world.create(admin, "identity_provider", {
      ...usual,
      orgId: "acme",
      id: "strict",
      allowedEmailDomains: ["acme.example"],
    });
    await world.create(admin, "identity_provider", { ...usual, orgId: "acme", id: "second", createUsers: true });
    await world.create(admin, "identity_provider", { ...usual, orgId: "rival", id: "corp" });
  });

  afterAll(async () => {
    await world.close();
    await provider.close();
  });

  beforeEach(() => {
    provider.person = alice;
  });

  describe("a login beside the command", () => {
    test("makes a user at the first login, and finds it at the next", async () => {
      const first = await logIn({ sub: "new-1", email: "New.Person@acme.example", email_verified: true });
      expect(await principalOf(first.answer)).toMatchObject({ kind: "user", org: "acme", id: "new-person" });
      const again = await logIn({ sub: "new-1", email: "changed@acme.example", email_verified: true });
      expect(await principalOf(again.answer)).toMatchObject({ id: "new-person" });
      expect(first.answer?.headers["cache-control"]).toBe("no-store");
    });

    test("ties a user that was made beforehand, by user_name", async () => {
      await world.create(admin, "user", { orgId: "acme", id: "carol", userName: "Carol@acme.example" });
      const { answer } = await logIn({ sub: "carol-1", email: "carol@ACME.example", email_verified: true }, "strict");
      expect(await principalOf(answer)).toMatchObject({ id: "carol" });
    });

    test("refuses someone else of the same name afterwards", async () => {
      await world.create(admin, "user", { orgId: "acme", id: "dave", userName: "dave@acme.example" });
      await logIn({ sub: "dave-1", email: "dave@acme.example", email_verified: true }, "strict");
      const { shown } = await logIn({ sub: "impostor", email: "dave@acme.example", email_verified: true }, "strict");
      expect([shown.status, shown.body]).toEqual([403, expect.stringContaining("tied to someone else")]);
    });

    test.each([
      ["nobody knows", { sub: "x-1", email: "stranger@acme.example", email_verified: true }],
      ["has no verified address", { sub: "x-2", email: "alice@acme.example", email_verified: false }],
      ["is of another domain", { sub: "x-3", email: "eve@evil.example", email_verified: true }],
    ])("refuses who %s", async (_name, person) => {
      const { shown } = await logIn(person, "strict");
      expect(shown.status).toBe(403);
    });

    test("brings the groups of the rules", async () => {
      const { answer } = await logIn({
        ...alice,
        sub: "g-1",
        email: "g@acme.example",
        groups: ["cloud-admins", "other"],
      });
      expect(await principalOf(answer)).toMatchObject({ groups: ["group:acme/operators"] });
      await world.bind("group:acme/operators", "ProjectMember", { orgId: "acme", projectId: "alpha" });
      const may = async (who: Awaited<ReturnType<typeof principalOf>>) => {
        const path = { org: "acme", project: "alpha", type: "vpc", id: "" };
        const context = { sourceIp: "192.0.2.1", attributes: async () => ({}) };
        return (await world.iam.authorizer.authorize(who, "network:vpcs:create", path, context)).allowed;
      };
      expect(await may(await principalOf(answer))).toBe(true);
      const without = await logIn({ ...alice, sub: "g-1", email: "g@acme.example", groups: ["other"] });
      expect((await principalOf(without.answer)).groups).toBeUndefined();
      expect(await may(await principalOf(without.answer))).toBe(false);
    });

    test("keeps a user with roles outside the org from the org's own provider", async () => {
      await world.create(admin, "user", { orgId: "acme", id: "mighty", userName: "mighty@acme.example" });
      await world.bind("user:acme/mighty", "SystemAdmin", {});
      const { shown } = await logIn({ sub: "m-1", email: "mighty@acme.example", email_verified: true });
      expect(shown.body).toContain("roles outside the org");
    });

    test("refreshes, and ends with its provider", async () => {
      const { answer } = await logIn({ sub: "r-1", email: "r@acme.example", email_verified: true }, "second");
      const refreshed = await post("/oauth2/token", {
        grant_type: grantTypes.refresh,
        refresh_token: String(answer?.body.refresh_token),
      });
      expect(refreshed.status).toBe(200);
      const switchTo = (disabled: boolean) =>
        world.call(admin, "identity_provider", "update", {
          orgId: "acme",
          id: "second",
          identityProvider: { disabled },
        });
      await switchTo(true);
      expect((await faultOf(principalOf(refreshed))).reason).toBe("UNAUTHENTICATED");
      await switchTo(false);
      expect(await principalOf(refreshed)).toMatchObject({ org: "acme" });
      await world.call(admin, "identity_provider", "delete", { orgId: "acme", id: "second" });
      expect((await faultOf(principalOf(refreshed))).reason).toBe("UNAUTHENTICATED");
    });

    test("gives a code for one exchange, one verifier and one redirect URI (RFC 6749, section 4.1.3; RFC 7636, section 4.6)", async () => {
      const { shown, verifier, answer } = await logIn(alice);
      expect(answer?.status).toBe(200);
      expect((await exchangeCode(shown, verifier)).body.error).toBe("invalid_grant");
      for (const more of [{ code_verifier: "x".repeat(43) }, { redirect_uri: "http://127.0.0.1:1/callback" }]) {
        const { browser, verifier: right, url } = begin();
        expect((await exchangeCode(await browser.open(url), right, more)).body.error).toBe("invalid_grant");
      }
    });

    test("tells the command its state and who answers (RFC 9207), and its page holds no script", async () => {
      const { shown } = await logIn(alice);
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
      const shown = await begin("corp", more).browser.open(begin("corp", more).url);
      expect([shown.status, new URL(shown.url).origin]).toEqual([400, cloud]);
    });

    test.each([
      ["no PKCE", { code_challenge: "" }, "invalid_request"],
      ["PKCE in the clear", { code_challenge_method: "plain" }, "invalid_request"],
      ["another response type", { response_type: "token" }, "unsupported_response_type"],
      ["a provider of another org", { provider_id: "strict", org_id: "rival" }, "invalid_request"],
      ["a missing provider", { provider_id: "none" }, "invalid_request"],
    ])("tells the command of %s", async (_name, more, error) => {
      const { browser, url } = begin("corp", more);
      expect(new URL((await browser.open(url)).url).searchParams.get("error")).toBe(error);
    });
  });

  describe("what comes back from a provider", () => {
    test("is refused in another browser, and is then still good in its own (login fixation)", async () => {
      const begun = begin();
      const location = await callbackOf(begun);
      const thief = await new Browser(cloud, web).open(location);
      expect(thief.status).toBe(400);
      expect((await begun.browser.open(location)).status).toBe(200);
      expect((await begun.browser.open(location)).status).toBe(400);
    });

    test("is refused at another provider's address (mix-up) and with another issuer (RFC 9207)", async () => {
      const begun = begin();
      const location = await callbackOf(begun);
      const elsewhere = location.replace("/acme/corp", "/acme/strict");
      expect((await begun.browser.open(elsewhere)).status).toBe(400);
      expect((await begun.browser.open(location.replace("/acme/", "/rival/"))).status).toBe(400);
      const other = new URL(location);
      other.searchParams.set("iss", "https://evil.example");
      expect((await begun.browser.open(other.href)).status).toBe(403);
    });

    test("is refused with a state that nobody began", async () => {
      const { browser } = begin();
      expect((await browser.open(`${cloud}/oauth2/callback/acme/corp?code=x&state=y`)).status).toBe(400);
    });

    /** The address that the provider sends the browser back to. */
    async function callbackOf({ browser, url }: Begun): Promise<string> {
      const first = await askWeb(web, url);
      const [, name = "", value = ""] = /^([^=]+)=([^;]+)/.exec(first.headers["set-cookie"] ?? "") ?? [];
      browser.cookies.set(cloud, new Map([[name, value]]));
      const outside = new Map<string, string>();
      for (let at = first.headers.location ?? ""; ; ) {
        if (at.startsWith(cloud)) return at;
        const cookie = [...outside].map(([one, text]) => `${one}=${text}`).join("; ");
        const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
        for (const line of answer.headers.getSetCookie()) {
          const [, one = "", text = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
          outside.set(one, text);
        }
        at = new URL(answer.headers.get("location") ?? "about:blank", at).href;
      }
    }
  });

  describe("a device", () => {
    async function beginDevice(more: Record<string, string> = {}) {
      const form = { client_id: cliClient, org_id: "acme", provider_id: "corp", ...more };
      return post("/oauth2/device_authorization", form);
    }
    const poll = (deviceCode: unknown) =>
      post("/oauth2/token", { grant_type: grantTypes.device, client_id: cliClient, device_code: String(deviceCode) });

    async function asked(userCode: unknown) {
      const browser = new Browser(cloud, web);
      const first = await browser.open(`${cloud}/oauth2/device?user_code=${String(userCode).toLowerCase()}`);
      return { browser, page: await browser.open(linkOf(first)) };
    }

    test("is let in by a person's own button (RFC 8628)", async () => {
      const { body } = await beginDevice();
      expect(body).toMatchObject({ verification_uri: `${cloud}/oauth2/device`, expires_in: 600, interval: 5 });
      expect(body.user_code).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
      const { browser, page } = await asked(body.user_code);
      expect(page.body).toContain(String(body.user_code));
      const ticket = ticketOf(page);
      const stranger = await new Browser(cloud, web).open(`${cloud}/oauth2/device/decision`, {
        ticket,
        decision: "allow",
      });
      expect(stranger.status).toBe(400);
      expect((await browser.open(`${cloud}/oauth2/device/decision`, { ticket, decision: "allow" })).status).toBe(200);
      aheadMs += 6_000;
      expect(await principalOf(await poll(body.device_code))).toMatchObject({
        kind: "user",
        org: "acme",
        sessionId: expect.any(String),
      });
      aheadMs += 6_000;
      expect((await poll(body.device_code)).body.error).toBe("expired_token");
    });

    test("that is refused hears so", async () => {
      const { body } = await beginDevice();
      const { browser, page } = await asked(body.user_code);
      aheadMs += 6_000;
      expect((await poll(body.device_code)).body.error).toBe("authorization_pending");
      await browser.open(`${cloud}/oauth2/device/decision`, { ticket: ticketOf(page), decision: "deny" });
      aheadMs += 6_000;
      expect((await poll(body.device_code)).body.error).toBe("access_denied");
      expect((await browser.open(`${cloud}/oauth2/device?user_code=${body.user_code}`)).status).toBe(400);
    });

    test("that asks too soon is slowed down (section 3.5)", async () => {
      const { body } = await beginDevice();
      expect((await poll(body.device_code)).body).toMatchObject({ error: "slow_down" });
      expect((await poll(body.device_code)).body.error_description).toContain("15 seconds");
    });

    test("with a code of nobody's is told that it has expired", async () => {
      expect((await poll("nonsense")).body.error).toBe("expired_token");
    });

    test("needs a provider of the org, and the client's name", async () => {
      expect((await beginDevice({ provider_id: "none" })).body.error).toBe("invalid_request");
      expect((await beginDevice({ client_id: "evil" })).status).toBe(401);
    });

    test("shows a form where no code, or a wrong one, was given", async () => {
      const browser = new Browser(cloud, web);
      expect((await browser.open(`${cloud}/oauth2/device`)).body).toContain('name="user_code"');
      const wrong = await browser.open(`${cloud}/oauth2/device?user_code=${encodeURIComponent('"><script>')}`);
      expect([wrong.status, wrong.body.includes("<script>")]).toEqual([400, false]);
    });
  });

  describe("an outage of a provider", () => {
    test("breaks no other login and says so", async () => {
      await world.create(admin, "identity_provider", {
        ...{ orgId: "rival", id: "gone", issuer: "http://127.0.0.1:9", clientId: "x", createUsers: true },
      });
      const { browser, url } = begin("gone", {}, "rival");
      expect(new URL((await browser.open(url)).url).searchParams.get("error")).toBe("temporarily_unavailable");
      expect((await logIn(alice)).answer?.status).toBe(200);
    });
  });

  describe("secrets", () => {
    test("are in no event, answer or row", async () => {
      const { answer } = await logIn(alice);
      const { events } = await world.store.events("", { limit: 1_000 });
      const said = events
        .map(
          (event) =>
            JSON.stringify({ ...event, resource: "" }, (_key, value: unknown) =>
              typeof value === "bigint" ? String(value) : value,
            ) + Buffer.from(event.resource).toString("latin1"),
        )
        .join();
      const read = await world.call(admin, "identity_provider", "get", { orgId: "acme", id: "corp" });
      const got = toJsonString(IdentityProviderSchema, as(IdentityProviderSchema, read));
      const row = await world.store.get({
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
    const answer = await askWeb(web, `${cloud}/.well-known/openid-configuration`);
    expect(JSON.parse(answer.body)).toMatchObject({ issuer: cloud, jwks_uri: `${cloud}/.well-known/jwks.json` });
  });

  test("a place that begins too many logins waits, and others don't", async () => {
    const { url } = begin();
    const statuses = new Set<string>();
    for (let left = 70; left > 0; left--) {
      const { headers } = await askWeb(web, url, { sourceIp: "198.51.100.1" });
      statuses.add(new URL(headers.location ?? "").searchParams.get("error") ?? "");
    }
    expect([...statuses]).toEqual(["", "temporarily_unavailable"]);
    const { headers } = await askWeb(web, url, { sourceIp: "198.51.100.2" });
    expect(headers.location).toContain(provider.issuer);
  });
});
