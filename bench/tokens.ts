// Tokens and logins a second in one process: a token's verification against a bare ES256 signature's, a login with a password against a bare
// argon2id of the same cost (it is meant to cost), a login with a key against one record that is stored.
import { createHash, generateKeyPairSync, randomBytes, sign, verify as verifySignature } from "node:crypto";
import { create, isMessage } from "@bufbuild/protobuf";
import { hash, verify } from "@node-rs/argon2";
import { IssueTokenRequestSchema, IssueTokenResponseSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { rememberTokens } from "../server/src/rpc/tokens.ts";
import { callBy, openWorld, textOf, type World } from "../server/src/services/iam/testing/world.ts";
import type { Figure } from "./main.ts";

const runMs = 2_000;
const password = "a quite long phrase";

/** Runs `lanes` at a time until the time is up. */
async function perSecond(lanes: number, once: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let done = 0;
  const lane = async () => {
    while (performance.now() - began < runMs) {
      await once();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done / ((performance.now() - began) / 1_000);
}

async function login(world: World, init: Record<string, unknown>): Promise<string> {
  const handler = world.iam.handlers.find((one) => "IssueToken" in one.methods)?.methods.IssueToken;
  const answer = await handler?.(create(IssueTokenRequestSchema, { orgId: "acme", ...init }), callBy(""));
  return isMessage(answer, IssueTokenResponseSchema) ? answer.token : "";
}

/** A bare ES256 check of as many bytes as a token has. */
function bareSignature(token: string): () => Promise<boolean> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = sign("sha256", Buffer.from(token), privateKey);
  return async () => verifySignature("sha256", Buffer.from(token), publicKey, signature);
}

async function bareArgon(): Promise<() => Promise<boolean>> {
  const hashed = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  return () => verify(hashed, password);
}

function figure(name: string, value: number, floor: number, unit: string): Figure {
  return { name, value, floor, ratio: value / floor, unit };
}

async function keyOf(world: World): Promise<string> {
  const key = await world.create("user:system/admin", "service_account_key", {
    orgId: "acme",
    serviceAccountId: "bot",
  });
  return textOf(key, "secret");
}

async function verification(world: World): Promise<readonly Figure[]> {
  const { token } = await world.loginAlice();
  const { authenticator } = world.iam;
  const floor = await perSecond(1, bareSignature(token));
  const whole = await perSecond(1, () => authenticator.authenticate(token));
  const tokens = rememberTokens(authenticator, world.clock);
  const hashes = await perSecond(1, async () => createHash("sha256").update(token).digest("base64"));
  const known = await perSecond(1, async () => tokens.known(token) ?? tokens.authenticate(token));
  tokens.close();
  return [
    figure("verify a token, floor: ES256 alone", whole, floor, "tokens/s"),
    figure("verify a token that the edge knows, floor: its SHA-256", known, hashes, "tokens/s"),
  ];
}

async function logins(world: World): Promise<readonly Figure[]> {
  await world.create("user:system/admin", "user", { orgId: "acme", id: "carol", password });
  const byPassword = { principalId: "carol", credential: { case: "password", value: password } };
  const byKey = { principalId: "bot", credential: { case: "keySecret", value: await keyOf(world) } };
  const argon = await perSecond(2, await bareArgon());
  const slow = await perSecond(2, () => login(world, byPassword));
  const commit = () => world.store.records.put("bench", randomBytes(8).toString("hex"), new Uint8Array(400), {});
  const commits = await perSecond(2, commit);
  const quick = await perSecond(2, () => login(world, byKey));
  return [
    figure("log in with a password, floor: argon2id alone", slow, argon, "logins/s"),
    figure("log in with a key, floor: one stored record", quick, commits, "logins/s"),
  ];
}

export async function bench(): Promise<readonly Figure[]> {
  const world = await openWorld();
  try {
    return [...(await verification(world)), ...(await logins(world))];
  } finally {
    await world.close();
  }
}
