// What our tokens claim of the standards, section by section. RFC 6238's vectors are beside the code that makes its codes.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type IssueTokenResponse,
  IssueTokenResponseSchema,
  RefreshTokenRequestSchema,
  RevokeTokenRequestSchema,
  RevokeTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import {
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { ask } from "../testing/accounts.ts";
import { as, faultOf, HeldClock, issuer, openWorld, type World } from "../testing/world.ts";
import { createSealing } from "./sealing.ts";
import { SigningKeys } from "./signing-keys.ts";

let world: World;
const clock = new HeldClock();
beforeAll(async () => {
  world = await openWorld({ clock });
});
afterAll(() => world.close());

const isGood = (token: string) =>
  world.iam.authenticator.authenticate(token).then(
    () => true,
    () => false,
  );

/** A token by the cloud's own key with other claims or another header: what a verifier alone can refuse. */
async function ownKey(
  change: (claims: JWTPayload) => JWTPayload,
  header: Record<string, unknown> = {},
): Promise<string> {
  const { token } = await world.loginAlice();
  const { privateKey } = await new SigningKeys(world.store.records, createSealing(undefined), clock).current();
  return new SignJWT(change(decodeJwt(token)))
    .setProtectedHeader({ alg: "ES256", ...decodeProtectedHeader(token), ...header })
    .sign(privateKey);
}

describe("RFC 7519, JSON Web Token", () => {
  test("section 4.1: iss, sub, aud, exp, iat and jti are there, and say what the section says", async () => {
    const { token, expireTime } = await world.loginAlice();
    const { iss, sub, aud, exp, iat, jti } = decodeJwt(token);
    expect({ iss, sub, aud }).toEqual({ iss: issuer, sub: "user:acme/alice", aud: issuer });
    expect([iat, exp]).toEqual([clock.now() / 1_000, expireTime && timestampMs(expireTime) / 1_000]);
    expect(jti).not.toBe(decodeJwt((await world.loginAlice()).token).jti);
  });

  test("section 4.1.4: on or after exp a token is not accepted", async () => {
    const { token, expireTime } = await world.loginAlice();
    clock.advance((expireTime === undefined ? 0 : timestampMs(expireTime)) - clock.now() - 1);
    expect(await isGood(token)).toBe(true);
    clock.advance(1);
    expect(await isGood(token)).toBe(false);
  });

  test("section 4.1.5: before nbf a token is not accepted", async () => {
    const soon = clock.now() / 1_000 + 60;
    expect(await isGood(await ownKey((claims) => ({ ...claims, nbf: soon })))).toBe(false);
  });

  test.each(["sub", "sid", "jti", "iat", "exp", "org_id", "project_id", "iss", "aud"])(
    "section 4: a token without the claim %s, which we require, is not accepted",
    async (name) => {
      const without = ({ [name]: _, ...claims }: JWTPayload) => claims;
      expect(await isGood(await ownKey(without))).toBe(false);
    },
  );

  test("section 7.2: the signature is checked by the key that is published", async () => {
    const { token } = await world.loginAlice();
    const { kid } = decodeProtectedHeader(token);
    const jwk = (await world.iam.jwks()).keys.find((key) => key.kid === kid);
    if (jwk === undefined) throw new Error("the key is not published");
    expect((await compactVerify(token, await importJWK(jwk))).protectedHeader.alg).toBe("ES256");
  });
});

describe("RFC 8725, JSON Web Token Best Current Practices", () => {
  test("section 3.1: the algorithm is the verifier's own choice", async () => {
    const { token } = await world.loginAlice();
    const { keys } = await world.iam.jwks();
    const secret = new TextEncoder().encode(JSON.stringify(keys[0]));
    const header = { ...decodeProtectedHeader(token), alg: "HS256" };
    expect(await isGood(await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(secret))).toBe(false);
  });

  test('section 3.2: "none" is no algorithm', async () => {
    expect(await isGood(new UnsecuredJWT(decodeJwt((await world.loginAlice()).token)).encode())).toBe(false);
  });

  test("section 3.5: keys have the whole entropy of their curve: each period draws one anew", async () => {
    const { keys } = await world.iam.jwks();
    expect(keys.every(({ crv, kty }) => crv === "P-256" && kty === "EC")).toBe(true);
    expect(new Set(keys.map(({ x }) => x)).size).toBe(keys.length);
  });

  test.each([
    ["section 3.8: of another issuer", { iss: "https://other.test" }],
    ["section 3.8: of a subject that is no principal", { sub: "alice" }],
    ["section 3.8: of a subject of another org than it says", { sub: "user:rival/mallory" }],
    ["section 3.9: for another audience", { aud: "https://other.test" }],
    ["section 3.9: for several audiences, none of which is we", { aud: ["https://a.test", "https://b.test"] }],
  ])("%s: a token by our own key is not accepted", async (_, claims) => {
    expect(await isGood(await ownKey((own) => ({ ...own, ...claims })))).toBe(false);
  });

  test.each([
    ["jku", "https://keys.evil.example"],
    ["x5u", "https://keys.evil.example"],
    ["jwk", { kty: "EC", crv: "P-256", x: "AA", y: "AA" }],
    ["kid", "../../../etc/passwd"],
  ])("section 3.10: what a header says of keys in %s is not followed", async (name, value) => {
    const token = await ownKey((claims) => claims, { [name]: value });
    // Where the key is named rightly, what else is said of keys is not looked at.
    expect(await isGood(token)).toBe(name !== "kid");
  });

  test.each(["JWT", "id_token+jwt", "logout+jwt", undefined])(
    "section 3.11: a token of the type %s is no access token",
    async (typ) => {
      expect(await isGood(await ownKey((claims) => claims, { typ }))).toBe(false);
    },
  );

  test("section 3.12: refresh tokens, key secrets and invitations are no JWTs, and access tokens refresh nothing", async () => {
    const { token, refreshToken } = await world.loginAlice();
    expect(await isGood(refreshToken)).toBe(false);
    const refresh = world.handle("RefreshToken", RefreshTokenRequestSchema, { refreshToken: token });
    expect((await faultOf(refresh)).reason).toBe("UNAUTHENTICATED");
  });
});

describe("RFC 9068, access tokens as JWTs", () => {
  test("section 2.1: a token says that it is one, and its algorithm is asymmetric", async () => {
    const { token } = await world.loginAlice();
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: "at+jwt", alg: "ES256" });
  });

  test.each(["JWT", "application/jwt", "id_token+jwt", undefined])(
    "section 4: one of our own key that says it is a %s opens nothing",
    async (typ) => expect(await isGood(await ownKey((claims) => claims, { typ }))).toBe(false),
  );
});

describe("RFC 7517, JSON Web Keys", () => {
  test("section 5: the set has the public half of each key alone, told apart by kid and meant for signatures", async () => {
    const { keys } = await world.iam.jwks();
    expect(keys.length).toBeGreaterThan(0);
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    for (const key of keys) {
      expect(key).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig", kid: expect.any(String) });
      expect(Object.keys(key)).not.toContain("d");
    }
  });
});

describe("RFC 7009, revocation", () => {
  const revoke = (own: string, token = "") =>
    ask(world, own, "RevokeToken", [RevokeTokenRequestSchema, RevokeTokenResponseSchema], { token });
  const refresh = async ({ refreshToken }: IssueTokenResponse) =>
    as(IssueTokenResponseSchema, await world.handle("RefreshToken", RefreshTokenRequestSchema, { refreshToken }));

  test.each([
    ["a refresh token", (session: IssueTokenResponse) => session.refreshToken],
    ["an access token", (session: IssueTokenResponse) => session.token],
  ])("section 2.1: %s ends with the whole grant that it belongs to", async (_, tokenOf) => {
    const [own, session] = [await world.loginAlice(), await world.loginAlice()];
    await revoke(own.token, tokenOf(session));
    expect(await isGood(session.token)).toBe(false);
    expect((await faultOf(refresh(session))).reason).toBe("UNAUTHENTICATED");
    expect(await isGood(own.token)).toBe(true);
  });

  test("section 2.1: every token that a refresh gave ends with the first", async () => {
    const [own, first] = [await world.loginAlice(), await world.loginAlice()];
    const second = await refresh(first);
    await revoke(own.token, second.refreshToken);
    for (const { token } of [first, second]) expect(await isGood(token)).toBe(false);
  });

  test.each(["", "nonsense", "pcr_AAAA.BBBB", "eyJhbGciOiJub25lIn0.e30."])(
    "section 2.2: %j, which is no good token, is answered as if it had been revoked",
    async (token) => {
      const own = await world.loginAlice();
      await revoke(own.token, token);
      expect(await isGood(own.token)).toBe(token !== "");
    },
  );
});
