// Tokens that are forged, borrowed, worn out or taken back: none is worth anything, over HTTP, from the moment on that it should not be.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { type CryptoKey, exportSPKI, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { systemClock } from "../../server/src/clock.ts";
import { type Answer, call, type Json, opened } from "./calls.ts";
import { must } from "./world.ts";

const service = "iam.v1.IamTokenService";
const password = "correct horse battery";
const minute = 60_000;

/** The system's clock, moved forward. */
const ahead = { ms: 0 };
const clock = { now: () => Date.now() + ahead.ms, sleep: systemClock.sleep };

let cloud: TestCloud;
let admin: string;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  admin = await cloud.adminToken();
  await cloud.tenant("acme", "alpha");
});
afterAll(() => cloud.stop());

const ask = (method: string, body: Json = {}, token?: string) => call(cloud.url, `${service}/${method}`, body, token);
const whoAmI = (token: string) => ask("WhoAmI", {}, token);
const iam = (method: string, body: Json) =>
  must(cloud.url, `iam.v1.IamAdminService/${method}`, { orgId: "acme", ...body }, admin);

interface Login {
  readonly token: string;
  readonly refreshToken: string;
}

async function login(principalId: string, more: Json = { password }): Promise<Login> {
  const { body } = await ask("IssueToken", { orgId: "acme", principalId, ...more });
  return { token: String(body.token), refreshToken: String(body.refreshToken) };
}

let users = 0;
async function newUser(): Promise<string> {
  const id = `user-${++users}`;
  await iam("CreateUser", { id, password });
  return id;
}

async function newTokens(): Promise<Login> {
  return login(await newUser());
}

function decoded(token: string): { readonly header: Json; readonly claims: Json } {
  const [header, claims] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
  return { header: JSON.parse(header ?? ""), claims: JSON.parse(claims ?? "") };
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a forged token", () => {
  let good: string;
  let published: JWK;
  let thieves: CryptoKey;
  beforeAll(async () => {
    good = (await newTokens()).token;
    const jwks: { keys: JWK[] } = JSON.parse(await (await fetch(`${cloud.url}/.well-known/jwks.json`)).text());
    published = jwks.keys.find(({ kid }) => kid === decoded(good).header.kid) ?? {};
    thieves = (await generateKeyPair("ES256")).privateKey;
  });

  const signed = (header: Json, claims: Json, key: CryptoKey | Uint8Array) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: "ES256", ...header }).sign(key);
  const publicKey = async () => {
    const key = await importJWK(published, "ES256", { extractable: true });
    return key instanceof Uint8Array ? "" : exportSPKI(key);
  };

  const forgeries: readonly [string, (given: ReturnType<typeof decoded>) => string | Promise<string>][] = [
    ["with the algorithm none", ({ header, claims }) => `${part({ ...header, alg: "none" })}.${part(claims)}.`],
    [
      "with the algorithm None and the good signature",
      ({ header, claims }) => `${part({ ...header, alg: "None" })}.${part(claims)}.${good.split(".")[2]}`,
    ],
    [
      "by HS256 with the public key as the secret",
      async ({ header, claims }) =>
        signed({ ...header, alg: "HS256" }, claims, new TextEncoder().encode(await publicKey())),
    ],
    [
      "by HS256 with the public JWK as the secret",
      ({ header, claims }) =>
        signed({ ...header, alg: "HS256" }, claims, new TextEncoder().encode(JSON.stringify(published))),
    ],
    ["by another key under our key's id", ({ header, claims }) => signed(header, claims, thieves)],
    ["by another key under its own id", ({ header, claims }) => signed({ ...header, kid: "thieves" }, claims, thieves)],
    ["by another key without an id", ({ header: { kid: _, ...header }, claims }) => signed(header, claims, thieves)],
    [
      "with a key in its header",
      ({ header, claims }) =>
        signed({ ...header, jwk: published, jku: `${cloud.url}/jwks`, x5u: "http://127.0.0.1:1" }, claims, thieves),
    ],
    [
      "with a path as the key's id",
      ({ header, claims }) => signed({ ...header, kid: "../../etc/passwd' OR 1=1 --\u0000" }, claims, thieves),
    ],
    [
      "with a critical extension",
      ({ header, claims }) => `${part({ ...header, crit: ["exp"] })}.${part(claims)}.${good.split(".")[2]}`,
    ],
    [
      "with other claims",
      ({ claims }) =>
        `${good.split(".")[0]}.${part({ ...claims, sub: "user:system/admin", org_id: "system" })}.${good.split(".")[2]}`,
    ],
    ["without its signature", () => good.split(".").slice(0, 2).join(".")],
    ["with half of its signature", () => good.slice(0, -40)],
    [
      "with a signature of zeros",
      () => `${good.split(".").slice(0, 2).join(".")}.${Buffer.alloc(64).toString("base64url")}`,
    ],
    ["with a fourth part", () => `${good}.x`],
    ["of 12,000 characters", () => `${good}${"A".repeat(12_000)}`],
  ];
  test.each(forgeries)("%s is refused", async (_, forge) => {
    const forged = await forge(decoded(good));
    expect(await whoAmI(forged)).toMatchObject({ code: "unauthenticated", status: 401 });
    expect((await ask("ValidateToken", { token: forged })).body).toEqual({});
    expect(await whoAmI(good)).toMatchObject({ code: "ok" });
  });

  test("all are refused in the same words", async () => {
    const texts = await Promise.all(
      forgeries.map(async ([, forge]) => (await whoAmI(await forge(decoded(good)))).text),
    );
    expect(new Set(texts).size).toBe(1);
  });
});

describe("a token is no good", () => {
  test("for anything but being a bearer's", async () => {
    const { token, refreshToken } = await newTokens();
    for (const authorization of [
      token,
      `Basic ${token}`,
      `Bearer`,
      `Bearer ${token} ${token}`,
      `Bearer ${token},Bearer ${admin}`,
    ])
      expect((await call(cloud.url, `${service}/WhoAmI`, {}, undefined, { authorization })).code).toBe(
        "unauthenticated",
      );
    expect((await call(cloud.url, `${service}/WhoAmI?access_token=${token}`, {})).code).toBe("unauthenticated");
    expect(await whoAmI(refreshToken)).toMatchObject({ code: "unauthenticated" });
    expect(await ask("RefreshToken", { refreshToken: token })).toMatchObject({ code: "unauthenticated" });
  });

  test("once it has expired, and its refresh token once that has", async () => {
    const { token, refreshToken } = await newTokens();
    ahead.ms += 15 * minute + 1_000;
    expect(await whoAmI(token)).toMatchObject({ code: "unauthenticated" });
    expect((await ask("ValidateToken", { token })).body).toEqual({});
    const { body } = await ask("RefreshToken", { refreshToken });
    expect(await whoAmI(String(body.token))).toMatchObject({ code: "ok" });
    ahead.ms += 8 * 24 * 60 * minute;
    expect(await ask("RefreshToken", { refreshToken: body.refreshToken })).toMatchObject({ code: "unauthenticated" });
    admin = (await login0()).token;
  });

  test("in a cloud that is another issuer", async () => {
    const other = await startTestCloud({ argv: ["--advertise", "http://other.example"] });
    const { token } = await newTokens();
    expect(await call(other.url, `${service}/WhoAmI`, {}, token)).toMatchObject({ code: "unauthenticated" });
    await other.stop();
  });
});

/** The administrator again, for a clock that has moved on. */
async function login0(): Promise<Login> {
  const { orgId, principalId, password: secret } = cloud.admin;
  const { body } = await ask("IssueToken", { orgId, principalId, password: secret });
  return { token: String(body.token), refreshToken: String(body.refreshToken) };
}

describe("a refresh token", () => {
  test("that comes back ends its session, whoever sends it", async () => {
    const first = await newTokens();
    const second = (await ask("RefreshToken", { refreshToken: first.refreshToken })).body;
    expect(await whoAmI(String(second.token))).toMatchObject({ code: "ok" });
    expect(await ask("RefreshToken", { refreshToken: first.refreshToken })).toMatchObject({ code: "unauthenticated" });
    for (const token of [first.token, String(second.token)]) expect((await whoAmI(token)).code).toBe("unauthenticated");
    expect(await ask("RefreshToken", { refreshToken: second.refreshToken })).toMatchObject({ code: "unauthenticated" });
  });

  test("sent many times at once is exchanged at most once", async () => {
    const { refreshToken } = await newTokens();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask("RefreshToken", { refreshToken })));
    expect(answers.filter(({ code }) => code === "ok").length).toBeLessThanOrEqual(1);
    expect(answers.every(({ code }) => code === "ok" || code === "unauthenticated")).toBe(true);
  });

  const place = (text: string) => `pcr_${Buffer.from(text).toString("base64url")}.${"A".repeat(43)}`;
  test.each([
    place("user:acme/user-1/session-x"),
    place("user:acme/user-1/\u0000"),
    place("x"),
    "pcr_",
    "",
    "pcr_.",
    `pcr_${"A".repeat(5_000)}`,
  ])("that was made up is refused: %s", async (refreshToken) =>
    expect(await ask("RefreshToken", { refreshToken })).toMatchObject({ code: "unauthenticated" }),
  );
});

/** Ways to take a token back; each answers how. */
const endings: Readonly<Record<string, (id: string, tokens: Login) => Promise<unknown>>> = {
  "it was revoked by itself": (_, { token }) => ask("RevokeToken", {}, token),
  "it was revoked by another session": async (id, { token }) => ask("RevokeToken", { token }, (await login(id)).token),
  "its refresh token was revoked": async (id, { refreshToken }) =>
    ask("RevokeToken", { token: refreshToken }, (await login(id)).token),
  "its session was ended from the list": async (id, { token }) => {
    const { sessionId } = (await whoAmI(token)).body;
    return ask("RevokeToken", { sessionId }, (await login(id)).token);
  },
  "its user was disabled": (id) => iam("UpdateUser", { id, user: { disabled: true } }),
  "its user was deleted": (id) => iam("DeleteUser", { id }),
  "its user's password was changed": (id) => iam("UpdateUser", { id, user: { password: `${password} and a stable` } }),
};

describe("a token ends at once, with its refresh token and its streams, when", () => {
  test.each(Object.entries(endings))("%s", async (_, end) => {
    const id = await newUser();
    const tokens = await login(id);
    expect(await whoAmI(tokens.token)).toMatchObject({ code: "ok" });
    await end(id, tokens);
    expect(await whoAmI(tokens.token)).toMatchObject({ code: "unauthenticated" });
    expect((await ask("ValidateToken", { token: tokens.token })).body).toEqual({});
    expect(await ask("RefreshToken", { refreshToken: tokens.refreshToken })).toMatchObject({ code: "unauthenticated" });
  });

  const watch = (token: string): Promise<Answer> =>
    opened(cloud.url, "prismnet.v1.VpcService/WatchVpcs", { orgId: "acme", projectId: "alpha" }, token, () => false);
  test.each(Object.entries(endings).filter(([how]) => !how.includes("deleted")))(
    "a stream is open and %s",
    async (_, end) => {
      const id = await newUser();
      await iam("CreateRoleBinding", { projectId: "alpha", principal: `user:acme/${id}`, roleId: "ProjectViewer" });
      const tokens = await login(id);
      const stream = watch(tokens.token);
      await end(id, tokens);
      expect(await stream).toMatchObject({ code: "unauthenticated" });
    },
  );

  test("its service account's key was deleted, or the account was disabled", async () => {
    for (const way of ["key", "account"]) {
      const { id } = await iam("CreateServiceAccount", {});
      const key = await iam("CreateServiceAccountKey", { serviceAccountId: id });
      const { token } = await login(String(id), { keySecret: key.secret });
      expect(await whoAmI(token)).toMatchObject({ code: "ok" });
      if (way === "key") await iam("DeleteServiceAccountKey", { id: key.id });
      else await iam("UpdateServiceAccount", { id, serviceAccount: { disabled: true } });
      expect(await whoAmI(token)).toMatchObject({ code: "unauthenticated" });
    }
  });

  test("a new user of the same id is another one", async () => {
    const id = await newUser();
    const { token, refreshToken } = await login(id);
    await iam("DeleteUser", { id });
    await iam("CreateUser", { id, password });
    expect(await whoAmI(token)).toMatchObject({ code: "unauthenticated" });
    expect(await ask("RefreshToken", { refreshToken })).toMatchObject({ code: "unauthenticated" });
  });
});

describe("sessions", () => {
  test("of others are neither listed nor ended by their ids", async () => {
    const [mine, theirs] = [await newTokens(), await newTokens()];
    const { sessionId } = (await whoAmI(theirs.token)).body;
    expect((await ask("ListSessions", {}, mine.token)).text).not.toContain(String(sessionId));
    const foreign = await ask("RevokeToken", { sessionId }, mine.token);
    const never = await ask("RevokeToken", { sessionId: "session-never" }, mine.token);
    expect([foreign.code, never.code]).toEqual(["not_found", "not_found"]);
    expect(foreign.body.message).toBe(String(never.body.message).replace("session-never", String(sessionId)));
    expect(await whoAmI(theirs.token)).toMatchObject({ code: "ok" });
  });

  test("begin with the right secret alone, and every wrong one reads the same", async () => {
    const id = await newUser();
    const wrong: readonly Json[] = [
      { orgId: "acme", principalId: id, password: "wrong" },
      { orgId: "acme", principalId: id, keySecret: password },
      { orgId: "acme", principalId: "nobody", password },
      { orgId: "nowhere", principalId: id, password },
      { orgId: "acme", principalId: `${id}\u0000`, password },
      { orgId: "acme", principalId: id, password: "x".repeat(100_000) },
      { orgId: "acme", principalId: id, password: "" },
      { orgId: "acme", principalId: id },
    ];
    const answers = await Promise.all(wrong.map((body) => ask("IssueToken", body)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]).toMatchObject({ code: "unauthenticated" });
    const long = await ask("IssueToken", { orgId: "acme", principalId: "x".repeat(1_000_000), password });
    expect(long).toMatchObject({ code: "invalid_argument" });
    expect(long.text.length).toBeLessThan(1_000);
  });
});
