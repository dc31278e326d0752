// Logins on the cloud's own pages: password, then a passkey or a code, beside the command (RFC 8252) and for a device (RFC 8628); and what thieves try.
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  ConfirmFactorResponseSchema,
  ConfirmPasskeyRequestSchema,
  EnrollPasskeyRequestSchema,
  EnrollPasskeyResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/account_pb";
import type { WebHandler } from "../../../web.ts";
import { SoftwareAuthenticator } from "../../account/testing/authenticator.ts";
import { ask, enrolApp } from "../../testing/accounts.ts";
import { onEachStore } from "../../testing/databases.ts";
import { alicePassword, issuer as cloud, faultOf, HeldClock, openWorld, type World } from "../../testing/world.ts";
import { askWeb, Browser, linkOf, type Shown, ticketOf } from "../testing/browser.ts";
import { pressPasskey } from "../testing/passkey-page.ts";
import { cliClient } from "./client.ts";
import { grantTypes } from "./token-endpoint.ts";

const admin = "user:system/admin";
const redirectUri = "http://127.0.0.1:7777/callback";
let world: World;
let clock: HeldClock;
let web: WebHandler;

function begin(more: Record<string, string> = {}, from = "192.0.2.7") {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: cliClient,
    redirect_uri: redirectUri,
    state: "the-command's-state",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    org_id: "acme",
    login_hint: "alice",
    ...more,
  });
  return { browser: new Browser(cloud, web, from), verifier, url: `${cloud}/oauth2/authorize?${query}` };
}

function type(browser: Browser, shown: Shown, more: Record<string, string> = {}): Promise<Shown> {
  const form = { ticket: ticketOf(shown), user: "alice", password: alicePassword, ...more };
  return browser.open(`${cloud}/oauth2/login`, form);
}

const factor = (browser: Browser, form: Readonly<Record<string, string>>) =>
  browser.open(`${cloud}/oauth2/login/factor`, form);

async function post(path: string, form: Record<string, string>) {
  const answer = await askWeb(web, `${cloud}${path}`, { form });
  const body: Record<string, unknown> = JSON.parse(answer.body);
  return { status: answer.status, body };
}

function exchange(shown: Shown, verifier: string) {
  const code = new URL(linkOf(shown)).searchParams.get("code") ?? "";
  const form = { client_id: cliClient, redirect_uri: redirectUri, code, code_verifier: verifier };
  return post("/oauth2/token", { grant_type: grantTypes.code, ...form });
}

const principalOf = (token: unknown) => world.iam.authenticator.authenticate(String(token));

async function enrolKey(key = new SoftwareAuthenticator(cloud)): Promise<SoftwareAuthenticator> {
  const { token } = await world.loginAlice();
  const begun = await ask(world, token, "EnrollPasskey", [EnrollPasskeyRequestSchema, EnrollPasskeyResponseSchema]);
  const init = { factorId: begun.factorId, attestation: key.attest(begun.options) };
  await ask(world, token, "ConfirmPasskey", [ConfirmPasskeyRequestSchema, ConfirmFactorResponseSchema], init);
  return key;
}

/** A browser whose password was right and that is asked for the second factor. */
async function halfWay(from?: string) {
  const begun = begin({}, from);
  return { ...begun, page: await type(begun.browser, await begun.browser.open(begun.url)) };
}

async function log(): Promise<string> {
  const { events } = await world.store.events("", { limit: 10_000 });
  return JSON.stringify(
    events.map((event) => ({ ...event, id: event.id, seq: "", resource: "", version: "" })),
    (_, value) => (typeof value === "bigint" ? String(value) : value),
  );
}

onEachStore((openStore) => {
  beforeEach(async () => {
    clock = new HeldClock();
    world = await openWorld({ clock, store: await openStore(clock), masterKey: randomBytes(32) });
    web = world.iam.web(world.resources);
  });
  afterEach(() => world.close());

  describe("a login beside the command", () => {
    test("ends with a password alone where there is no second factor", async () => {
      const { browser, verifier, url } = begin();
      const first = await browser.open(url);
      expect(first.body).toContain('value="alice"');
      const { body } = await exchange(await type(browser, first), verifier);
      expect(await principalOf(body.access_token)).toMatchObject({ kind: "user", org: "acme", id: "alice" });
      const refreshed = { grant_type: grantTypes.refresh, refresh_token: String(body.refresh_token) };
      expect((await post("/oauth2/token", refreshed)).status).toBe(200);
    });

    test("asks a passkey by the page's own script, and the session says when it was proved", async () => {
      const key = await enrolKey();
      const { browser, verifier, page } = await halfWay();
      const shown = await factor(browser, await pressPasskey(page, key));
      const { body } = await exchange(shown, verifier);
      expect((await principalOf(body.access_token)).mfaAt).toBe(clock.now());
    });

    test("takes an app's code, and a recovery code", async () => {
      const { app, recoveryCodes } = await enrolApp(world, (await world.loginAlice()).token);
      for (const code of [app.code(), recoveryCodes[0] ?? ""]) {
        const { browser, verifier, page } = await halfWay();
        expect(page.body).not.toContain("<script");
        const shown = await factor(browser, { ticket: ticketOf(page), code });
        expect((await exchange(shown, verifier)).status).toBe(200);
      }
    });

    test("gives one who has yet to enrol a token that is good for nothing else", async () => {
      const mfaRequired = {
        id: "acme",
        org: { accountPolicy: { mfaRequired: true } },
        updateMask: { paths: ["account_policy"] },
      };
      await world.call(admin, "org", "update", mfaRequired);
      const { browser, verifier, url } = begin();
      const { body } = await exchange(await type(browser, await browser.open(url)), verifier);
      expect(body).toMatchObject({ must_enroll: true, expires_in: 900 });
      expect(body.refresh_token).toBeUndefined();
      expect((await principalOf(body.access_token)).limits).toEqual([{ actions: ["iam:factors:enroll"] }]);
    });
  });

  describe("a device", () => {
    test("is let in by a password, a passkey and a button of the person's own (RFC 8628)", async () => {
      const key = await enrolKey();
      const { body } = await post("/oauth2/device_authorization", { client_id: cliClient, org_id: "acme" });
      const browser = new Browser(cloud, web);
      const first = await browser.open(`${cloud}/oauth2/device?user_code=${body.user_code}`);
      const page = await type(browser, await browser.open(linkOf(first)));
      const asked = await factor(browser, await pressPasskey(page, key));
      expect(asked.body).toContain(String(body.user_code));
      const decision = { ticket: ticketOf(asked), decision: "allow" };
      expect((await new Browser(cloud, web).open(`${cloud}/oauth2/device/decision`, decision)).status).toBe(400);
      expect((await browser.open(`${cloud}/oauth2/device/decision`, decision)).status).toBe(200);
      clock.advance(6_000);
      const form = { grant_type: grantTypes.device, client_id: cliClient, device_code: String(body.device_code) };
      const polled = await post("/oauth2/token", form);
      expect((await principalOf(polled.body.access_token)).mfaAt).toBe(clock.now() - 6_000);
    });
  });

  describe("a passkey", () => {
    const address = `${cloud}/oauth2/passkey?org_id=acme&login_hint=alice&name=blue+key`;
    const send = (browser: Browser, form: Readonly<Record<string, string>>) =>
      browser.open(`${cloud}/oauth2/passkey`, form);

    test("is made in a browser after a login, with recovery codes, and logs in", async () => {
      const key = new SoftwareAuthenticator(cloud);
      const browser = new Browser(cloud, web);
      const page = await type(browser, await browser.open(address));
      const done = await send(browser, await pressPasskey(page, key));
      const [, codes = ""] = /<pre id="codes">([^<]*)</.exec(done.body) ?? [];
      expect(codes.trim().split("\n")).toHaveLength(10);
      const { browser: again, verifier, page: asked } = await halfWay();
      const shown = await factor(again, await pressPasskey(asked, key));
      expect((await exchange(shown, verifier)).status).toBe(200);
      expect(await log()).toContain('"method":"oauth2/passkey"');
    });

    test("is made beside another factor only after that one was shown", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const browser = new Browser(cloud, web);
      const half = await type(browser, await browser.open(address));
      expect(half.body).not.toContain('data-verb="create"');
      const page = await factor(browser, { ticket: ticketOf(half), code: app.code() });
      const done = await send(browser, await pressPasskey(page, new SoftwareAuthenticator(cloud)));
      expect([done.status, done.body.includes("codes")]).toEqual([200, false]);
    });

    test("is made by the browser that logged in alone, and by its own answer", async () => {
      const browser = new Browser(cloud, web);
      const page = await type(browser, await browser.open(address));
      const form = await pressPasskey(page, new SoftwareAuthenticator(cloud));
      expect((await send(new Browser(cloud, web), form)).status).toBe(400);
      const phished = await pressPasskey(page, new SoftwareAuthenticator("https://evil.example"));
      expect((await send(browser, phished)).status).toBe(403);
      expect((await send(browser, form)).status).toBe(400);
      const { token } = await world.loginAlice();
      expect(token).not.toBe("");
    });
  });

  describe("what is wrong", () => {
    test("has the same words for a wrong password and for one who never was", async () => {
      const pages: string[] = [];
      for (const [org_id, user] of [
        ["acme", "alice"],
        ["acme", "nobody"],
        ["nowhere", "alice"],
      ] as const) {
        const { browser, url } = begin({ org_id });
        const shown = await type(browser, await browser.open(url), { user, password: "not the password" });
        pages.push(`${shown.status} ${shown.body.replace(/value="[^"]*"/g, "").replaceAll(org_id, "ORG")}`);
      }
      expect(new Set(pages).size).toBe(1);
      expect(pages[0]).toContain("403 ");
    });

    test("can be mended on the same page, and ends in no session meanwhile", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const { browser, verifier, url } = begin();
      const first = await browser.open(url);
      expect((await type(browser, first, { password: "no" })).status).toBe(403);
      const page = await type(browser, first);
      const wrong = await factor(browser, { ticket: ticketOf(page), code: "000000" });
      expect([wrong.status, wrong.body.includes("is wrong")]).toEqual([403, true]);
      const shown = await factor(browser, { ticket: ticketOf(page), code: app.code() });
      expect((await exchange(shown, verifier)).status).toBe(200);
    });

    test("escapes what it is given", async () => {
      const { browser, url } = begin({ org_id: '"><script>alert(1)</script>', login_hint: '"><img src=x>' });
      const shown = await browser.open(url);
      expect(shown.body).not.toMatch(/<script|<img/);
      expect(shown.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    });

    test("is in the log with its address, and without what was typed", async () => {
      const { browser, url } = begin({}, "198.51.100.9");
      await type(browser, await browser.open(url), { password: "canary-of-a-password" });
      const text = await log();
      expect(text).toMatch(/login_failed.*198\.51\.100\.9|198\.51\.100\.9.*login_failed/);
      expect(text).not.toContain("canary-of-a-password");
    });
  });

  describe("a thief", () => {
    test("of a ticket has no browser that began the login", async () => {
      const key = await enrolKey();
      const { browser, page, verifier } = await halfWay();
      const form = await pressPasskey(page, key);
      expect((await factor(new Browser(cloud, web), form)).status).toBe(400);
      expect((await exchange(await factor(browser, form), verifier)).status).toBe(200);
      expect((await factor(browser, form)).status).toBe(400);
    });

    test("skips no half: a factor without the password is refused", async () => {
      const key = await enrolKey();
      const { browser, url } = begin();
      const first = await browser.open(url);
      const { page } = await halfWay();
      const { answer = "" } = await pressPasskey(page, key);
      expect((await factor(browser, { ticket: ticketOf(first), answer })).status).toBe(400);
    });

    test("shows a passkey's answer of one login in no other", async () => {
      const key = await enrolKey();
      const one = await halfWay();
      const other = await halfWay();
      const { answer = "" } = await pressPasskey(one.page, key);
      expect((await factor(one.browser, { ticket: ticketOf(one.page), answer })).status).toBe(200);
      expect((await factor(other.browser, { ticket: ticketOf(other.page), answer })).status).toBe(403);
    });

    test("phishes no passkey: an answer made for another site is refused", async () => {
      await enrolKey();
      const { browser, page } = await halfWay();
      const form = await pressPasskey(page, new SoftwareAuthenticator("https://cloud.test.evil.example"));
      expect((await factor(browser, form)).status).toBe(403);
    });

    test("guesses few codes, though the password is right", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const thief = await halfWay("198.51.100.1");
      const statuses: number[] = [];
      for (let left = 6; left > 0; left--)
        statuses.push((await factor(thief.browser, { ticket: ticketOf(thief.page), code: "000000" })).status);
      expect(statuses).toEqual([403, 403, 403, 403, 403, 429]);
      const { browser, page } = await halfWay();
      expect((await factor(browser, { ticket: ticketOf(page), code: app.code() })).status).toBe(200);
    });

    test.each([
      [
        "a new password",
        (): Record<string, unknown> => ({
          user: { password: "another long phrase" },
          updateMask: { paths: ["password"] },
        }),
      ],
      [
        "a disabled account",
        (): Record<string, unknown> => ({ user: { disabled: true }, updateMask: { paths: ["disabled"] } }),
      ],
    ])("who was half way loses it by %s", async (_name, change) => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const { browser, page } = await halfWay();
      await world.call(admin, "user", "update", { orgId: "acme", id: "alice", ...change() });
      expect((await factor(browser, { ticket: ticketOf(page), code: app.code() })).status).toBe(403);
    });

    test("has nothing of a code once the password was changed", async () => {
      const { browser, verifier, url } = begin();
      const shown = await type(browser, await browser.open(url));
      const change = { user: { password: "another long phrase" }, updateMask: { paths: ["password"] } };
      await world.call(admin, "user", "update", { orgId: "acme", id: "alice", ...change });
      const { body } = await exchange(shown, verifier);
      expect((await faultOf(principalOf(body.access_token))).reason).toBe("UNAUTHENTICATED");
    });

    test("comes too late after ten minutes", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const { browser, page } = await halfWay();
      clock.advance(10 * 60_000 + 1);
      expect((await factor(browser, { ticket: ticketOf(page), code: app.code() })).status).toBe(400);
    });

    test("reads nothing from the store: what is kept of a login is sealed", async () => {
      await enrolKey();
      await halfWay();
      const kept = await world.store.records.list("iam/oauth");
      expect(kept.length).toBeGreaterThan(0);
      for (const { value } of kept) expect(Buffer.from(value).toString("latin1")).not.toMatch(/alice|acme/);
    });
  });
});
