// Logins by a real OpenID provider away from the command (RFC 8628), and what a provider's answer is worth in a browser.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { onEachStore } from "../../testing/databases.ts";
import { issuer as cloud } from "../../testing/world.ts";
import { askWeb, Browser, linkOf, ticketOf } from "../testing/browser.ts";
import { alice, type Begun, openProviderLogins, type ProviderLogins } from "../testing/provider-logins.ts";
import { cliClient } from "./client.ts";
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

  describe("a device", () => {
    async function beginDevice(more: Record<string, string> = {}) {
      const form = { client_id: cliClient, org_id: "acme", provider_id: "corp", ...more };
      return at.post("/oauth2/device_authorization", form);
    }
    const poll = (deviceCode: unknown) =>
      at.post("/oauth2/token", {
        grant_type: grantTypes.device,
        client_id: cliClient,
        device_code: String(deviceCode),
      });

    async function asked(userCode: unknown) {
      const browser = new Browser(cloud, at.web);
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
      const stranger = await new Browser(cloud, at.web).open(`${cloud}/oauth2/device/decision`, {
        ticket,
        decision: "allow",
      });
      expect(stranger.status).toBe(400);
      expect((await browser.open(`${cloud}/oauth2/device/decision`, { ticket, decision: "allow" })).status).toBe(200);
      at.wait(6_000);
      expect(await at.principalOf(await poll(body.device_code))).toMatchObject({
        kind: "user",
        org: "acme",
        sessionId: expect.any(String),
      });
      at.wait(6_000);
      expect((await poll(body.device_code)).body.error).toBe("expired_token");
    });

    test("that is refused hears so", async () => {
      const { body } = await beginDevice();
      const { browser, page } = await asked(body.user_code);
      at.wait(6_000);
      expect((await poll(body.device_code)).body.error).toBe("authorization_pending");
      await browser.open(`${cloud}/oauth2/device/decision`, { ticket: ticketOf(page), decision: "deny" });
      at.wait(6_000);
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
      const browser = new Browser(cloud, at.web);
      expect((await browser.open(`${cloud}/oauth2/device`)).body).toContain('name="user_code"');
      const wrong = await browser.open(`${cloud}/oauth2/device?user_code=${encodeURIComponent('"><script>')}`);
      expect([wrong.status, wrong.body.includes("<script>")]).toEqual([400, false]);
    });
  });

  describe("what comes back from a provider", () => {
    test("is refused in another browser, and is then still good in its own (login fixation)", async () => {
      const begun = at.begin();
      const location = await callbackOf(begun);
      const thief = await new Browser(cloud, at.web).open(location);
      expect(thief.status).toBe(400);
      expect((await begun.browser.open(location)).status).toBe(200);
      expect((await begun.browser.open(location)).status).toBe(400);
    });

    test("is refused at another provider's address (mix-up) and with another issuer (RFC 9207)", async () => {
      const begun = at.begin();
      const location = await callbackOf(begun);
      const elsewhere = location.replace("/acme/corp", "/acme/strict");
      expect((await begun.browser.open(elsewhere)).status).toBe(400);
      expect((await begun.browser.open(location.replace("/acme/", "/rival/"))).status).toBe(400);
      const other = new URL(location);
      other.searchParams.set("iss", "https://evil.example");
      expect((await begun.browser.open(other.href)).status).toBe(403);
    });

    test("is refused with a state that nobody began", async () => {
      const { browser } = at.begin();
      expect((await browser.open(`${cloud}/oauth2/callback/acme/corp?code=x&state=y`)).status).toBe(400);
    });

    /** The address that the provider sends the browser back to. */
    async function callbackOf({ browser, url }: Begun): Promise<string> {
      const first = await askWeb(at.web, url);
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
});
