// How long a login fails tells nobody who exists: whoever is named, the same is read and the same is computed.
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { ExchangeTokenRequestSchema, IssueTokenRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { type Counted, countReads } from "../../../store/testing/counted.ts";
import type { World } from "../testing/world.ts";

const argon2 = await import("@node-rs/argon2");
let verified = 0;
jest.unstable_mockModule("@node-rs/argon2", () => ({
  ...argon2,
  verify: (...given: Parameters<typeof argon2.verify>) => {
    verified += 1;
    return argon2.verify(...given);
  },
}));
const { callBy, openWorld } = await import("../testing/world.ts");

const admin = "user:system/admin";
let world: World;
let counted: Counted;
let addresses = 0;

beforeAll(async () => {
  // Without following the log: nothing else reads meanwhile.
  world = await openWorld({ start: false });
  await world.create(admin, "user", { orgId: "acme", id: "carol", password: "carol has one too", disabled: true });
  await world.create(admin, "service_account", { orgId: "acme", id: "keyless" });
  for (const name of ["one", "two"])
    await world.create(admin, "service_account_key", { orgId: "acme", name, serviceAccountId: "bot" });
  counted = countReads(world.store);
});
afterAll(async () => {
  counted.restore();
  await world.close();
});

interface Effort {
  readonly reads: readonly string[];
  readonly verified: number;
}

/** What a login reads and computes; each comes from elsewhere, so that none is slowed down. */
async function effort(
  method: string,
  schema: typeof IssueTokenRequestSchema | typeof ExchangeTokenRequestSchema,
  init: Record<string, unknown>,
): Promise<Effort> {
  verified = 0;
  addresses += 1;
  const call = callBy("", { sourceIp: `192.0.2.${addresses}` });
  const reads = await counted.of(() => world.handle(method, schema, init, call));
  return { reads, verified };
}

const login = (orgId: string, principalId: string, credential: Record<string, unknown>) =>
  effort("IssueToken", IssueTokenRequestSchema, { orgId, principalId, credential });

describe("a wrong password costs the same", () => {
  const wrong = { case: "password", value: "not the password" };
  let known: Effort;
  beforeAll(async () => {
    known = await login("acme", "alice", wrong);
  });

  test.each([
    ["one who never was", "acme", "nobody"],
    ["one without a password", "acme", "bob"],
    ["one who is disabled", "acme", "carol"],
    ["one of another org", "rival", "alice"],
    ["an org that never was", "nowhere", "alice"],
  ])("for %s", async (_, org, id) => {
    expect(known.verified).toBe(1);
    expect(await login(org, id, wrong)).toEqual(known);
  });

  test("for a password that is too long to be one", async () => {
    const long = { case: "password", value: "x".repeat(2_000) };
    expect(await login("acme", "alice", long)).toEqual(known);
    expect(await login("acme", "nobody-else", long)).toEqual(known);
  });
});

describe("a wrong key costs the same", () => {
  const wrong = { case: "keySecret", value: `pck_${"A".repeat(43)}` };
  let known: Effort;
  beforeAll(async () => {
    known = await login("acme", "bot", wrong);
  });

  test.each([
    ["an account that never was", "acme", "nobody"],
    ["an account without a key", "acme", "keyless"],
    ["one of another org", "rival", "bot"],
  ])("for %s", async (_, org, id) => {
    expect(known.reads.length).toBeGreaterThan(2);
    expect(await login(org, id, wrong)).toEqual(known);
  });
});

test("an identity token that fits nothing costs the same for an account that never was", async () => {
  const exchange = (principalId: string) =>
    effort("ExchangeToken", ExchangeTokenRequestSchema, { orgId: "acme", principalId, subjectToken: "a.b.c" });
  expect(await exchange("nobody")).toEqual(await exchange("bot"));
});
