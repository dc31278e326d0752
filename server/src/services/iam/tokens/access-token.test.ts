// Attacks on access tokens, and the change of the keys that sign them.
import { create, isMessage } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import {
  IssueTokenRequestSchema,
  IssueTokenResponseSchema,
  ValidateTokenRequestSchema,
  ValidateTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import {
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { createIam } from "../index.ts";
import { alicePassword, as, callBy, faultOf, HeldClock, issuer, openWorld, type World } from "../testing/world.ts";

const minute = 60_000;

async function validate(world: World, token: string) {
  return as(ValidateTokenResponseSchema, await world.handle("ValidateToken", ValidateTokenRequestSchema, { token }));
}

describe("a token", () => {
  let world: World;
  const clock = new HeldClock();
  beforeAll(async () => {
    world = await openWorld({ clock });
  });
  afterAll(() => world.close());

  async function forge(
    change: (claims: JWTPayload) => JWTPayload,
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const { token } = await world.loginAlice();
    const { privateKey } = await generateKeyPair("ES256");
    return new SignJWT(change(decodeJwt(token)))
      .setProtectedHeader({ alg: "ES256", ...decodeProtectedHeader(token), ...header })
      .sign(privateKey);
  }

  const attacks: [string, () => Promise<string>][] = [
    ["that is empty", async () => ""],
    ["that is no JWT", async () => "hello"],
    ["of dots", async () => "..."],
    ["that is huge", async () => "x".repeat(1_000_000)],
    ["signed with another key", () => forge((claims) => claims)],
    ["that names an unknown key", () => forge((claims) => claims, { kid: "nobody's" })],
    [
      "that brings its own key",
      async () => {
        const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
        const { token } = await world.loginAlice();
        return new SignJWT(decodeJwt(token))
          .setProtectedHeader({ alg: "ES256", jwk: await exportJWK(publicKey) })
          .sign(privateKey);
      },
    ],
    ["with alg none", async () => new UnsecuredJWT(decodeJwt((await world.loginAlice()).token)).encode()],
    [
      "with HS256 over the public key",
      async () => {
        const { keys } = await world.iam.jwks();
        const { token } = await world.loginAlice();
        const secret = new TextEncoder().encode(JSON.stringify(keys[0]));
        return new SignJWT(decodeJwt(token))
          .setProtectedHeader({ alg: "HS256", kid: String(keys[0]?.kid) })
          .sign(secret);
      },
    ],
    [
      "whose claims were changed",
      async () => {
        const [header, , signature] = (await world.loginAlice()).token.split(".");
        const claims = { ...decodeJwt((await world.loginAlice()).token), org_id: "rival", sub: "user:rival/mallory" };
        return `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
      },
    ],
    [
      "that has expired",
      async () => {
        const { token } = await world.loginAlice();
        clock.advance(15 * minute);
        return token;
      },
    ],
    [
      "of another issuer",
      async () => {
        const other = await openWorld({ clock, issuer: "https://other.test" });
        const { token } = await other.loginAlice();
        await other.close();
        return token;
      },
    ],
    [
      "for another audience, by our own key",
      async () => {
        const same = createIam({
          store: world.store,
          catalog: catalog(),
          clock,
          issuer,
          audience: "https://elsewhere.test",
        });
        const handler = same.handlers[0]?.methods.IssueToken;
        const credential = { case: "password", value: alicePassword } as const;
        const request = create(IssueTokenRequestSchema, { orgId: "acme", principalId: "alice", credential });
        const answer = await handler?.(request, callBy(""));
        return isMessage(answer, IssueTokenResponseSchema) ? answer.token : "";
      },
    ],
    ["that is a refresh token", async () => (await world.loginAlice()).refreshToken],
  ];

  test.each(attacks)("%s is refused in the same words", async (_, attack) => {
    const token = await attack();
    const fault = await faultOf(world.iam.authenticator.authenticate(token));
    expect(fault).toMatchObject({
      reason: "UNAUTHENTICATED",
      message: "the token is not valid or no longer valid; log in again",
    });
    expect(await validate(world, token)).toMatchObject({ valid: false });
  });

  test("outlives a change of keys, and the new key is published before it signs", async () => {
    const week = 7 * 24 * 60 * minute;
    clock.advance(week - (clock.now() % week) - 5 * minute);
    const published = (await world.iam.jwks()).keys.map((key) => key.kid);
    expect(published).toHaveLength(2);
    const before = await world.loginAlice();
    clock.advance(10 * minute);
    const after = await world.loginAlice();
    const [oldKid, newKid] = [before, after].map(({ token }) => decodeProtectedHeader(token).kid);
    expect(newKid).not.toBe(oldKid);
    expect(published).toContain(newKid);
    for (const { token } of [before, after]) expect((await validate(world, token)).valid).toBe(true);
  });

  test("is signed with a key whose private half is published nowhere", async () => {
    for (const key of (await world.iam.jwks()).keys) expect(Object.keys(key)).not.toContain("d");
  });
});
