// POST /oauth2/token by the standards' own forms: what RFC 8693 and RFC 6749 ask for, by section.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { WebHandler, WebRequest } from "../../../web.ts";
import { onEachStore } from "../../testing/databases.ts";
import { issuer as cloud, openWorld, type World } from "../../testing/world.ts";
import { tokenTypes } from "../exchange.ts";
import { askWeb } from "../testing/browser.ts";
import { openProvider, pipeline, type TestProvider } from "../testing/provider.ts";
import { grantTypes } from "./token-endpoint.ts";

const admin = "user:system/admin";
let world: World;
let provider: TestProvider;
let web: WebHandler;

async function post(form: Record<string, string>, type?: string) {
  const answer = await askWeb(web, `${cloud}/oauth2/token`, { form, ...(type && { type }) });
  const body: Record<string, unknown> = JSON.parse(answer.body);
  return { ...answer, body };
}

async function exchangeForm(more: Record<string, string> = {}): Promise<Record<string, string>> {
  return {
    grant_type: grantTypes.exchange,
    subject_token: await provider.pipelineToken(cloud),
    subject_token_type: tokenTypes.jwt,
    org_id: "acme",
    principal_id: "bot",
    ...more,
  };
}

onEachStore((openStore) => {
  beforeAll(async () => {
    provider = await openProvider([]);
    world = await openWorld({ store: await openStore(), federation: { privateIssuers: true } });
    web = world.iam.web(world.resources);
    await world.create(admin, "federated_credential", {
      orgId: "acme",
      serviceAccountId: "bot",
      issuer: provider.issuer,
      audience: cloud,
      subject: pipeline,
    });
  });

  afterAll(async () => {
    await world.close();
    await provider.close();
  });

  describe("token exchange (RFC 8693)", () => {
    test("answers the token, its type and its life, and no refresh token (sections 2.2.1 and 3)", async () => {
      const { status, headers, body } = await post(await exchangeForm());
      expect(status).toBe(200);
      expect(body).toEqual({
        access_token: expect.any(String),
        issued_token_type: tokenTypes.accessToken,
        token_type: "Bearer",
        expires_in: expect.any(Number),
      });
      expect(body.expires_in).toBeLessThanOrEqual(900);
      expect(headers["cache-control"]).toBe("no-store");
      const principal = await world.iam.authenticator.authenticate(String(body.access_token));
      expect(principal).toMatchObject({ kind: "service_account", id: "bot", org: "acme" });
    });

    test.each([
      ["a subject token", "subject_token"],
      ["its type", "subject_token_type"],
    ])("needs %s (section 2.1)", async (_name, parameter) => {
      const { [parameter]: _, ...form } = await exchangeForm();
      expect((await post(form)).body).toMatchObject({ error: "invalid_request" });
    });

    test.each([
      ["another requested type", { requested_token_type: "urn:ietf:params:oauth:token-type:saml2" }, "invalid_request"],
      ["acting for others", { actor_token: "x", actor_token_type: tokenTypes.jwt }, "invalid_request"],
      [
        "a subject token of another sort",
        { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" },
        "invalid_request",
      ],
      ["an access token for an ID token", { subject_token_type: tokenTypes.idToken }, "invalid_request"],
      ["scopes", { scope: "everything" }, "invalid_scope"],
    ])("refuses %s rather than pass it over (section 2.1)", async (_name, more, error) => {
      const { status, body } = await post(await exchangeForm(more));
      expect([status, body.error]).toEqual([400, error]);
    });

    test("takes this cloud as the target, and no other (section 2.2.2)", async () => {
      expect((await post(await exchangeForm({ audience: cloud, resource: `${cloud}/` }))).status).toBe(200);
      for (const more of [{ audience: "https://elsewhere.test" }, { resource: "https://elsewhere.test" }])
        expect((await post(await exchangeForm(more))).body.error).toBe("invalid_target");
    });

    test("answers invalid_request to a subject token that is not good (section 2.2.2), and says nothing of it", async () => {
      const { status, body } = await post(await exchangeForm({ subject_token: "canary.not.good" }));
      expect([status, body.error]).toEqual([400, "invalid_request"]);
      expect(JSON.stringify(body)).not.toContain("canary");
    });
  });

  describe("the token endpoint (RFC 6749)", () => {
    test.each([
      ["no grant type", {}, "invalid_request"],
      ["another grant type", { grant_type: "password", username: "a", password: "b" }, "unsupported_grant_type"],
      ["a refresh token that is none", { grant_type: grantTypes.refresh, refresh_token: "x" }, "invalid_grant"],
      ["a code that is none", { grant_type: grantTypes.code, client_id: "photon-cli", code: "x" }, "invalid_grant"],
    ])("refuses %s (section 5.2)", async (_name, form, error) => {
      const { status, body } = await post({ ...form });
      expect([status, body.error]).toEqual([400, error]);
    });

    test("refuses another client with 401 (section 5.2)", async () => {
      const { status, body } = await post({ grant_type: grantTypes.code, client_id: "evil", code: "x" });
      expect([status, body.error]).toEqual([401, "invalid_client"]);
    });

    test("takes forms alone (appendix B)", async () => {
      expect((await post({ grant_type: grantTypes.refresh }, "application/json")).body.error).toBe("invalid_request");
    });

    test("is at POST alone, so that no token stands in an address (section 3.2)", () => {
      const url = new URL(`${cloud}/oauth2/token?grant_type=${grantTypes.refresh}`);
      const nobody = () => Promise.reject(new Error("no permission is asked for"));
      const asked = { url, headers: {}, body: "", sourceIp: "", requestId: "", token: "", permit: nobody };
      const request: WebRequest = {
        ...asked,
        method: "GET",
        signal: new AbortController().signal,
        as: () => request,
      };
      expect(web(request)).toBeUndefined();
    });
  });
});
