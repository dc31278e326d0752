import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import {
  type IssueTokenResponse,
  IssueTokenResponseSchema,
  ListSessionsRequestSchema,
  ListSessionsResponseSchema,
  RefreshTokenRequestSchema,
  RevokeTokenRequestSchema,
  ValidateTokenRequestSchema,
  ValidateTokenResponseSchema,
  WhoAmIRequestSchema,
  WhoAmIResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { createIam } from "../index.ts";
import {
  alicePassword,
  as,
  callBy,
  faultOf,
  HeldClock,
  issuer,
  openWorld,
  textOf,
  type World,
} from "../testing/world.ts";

const minute = 60_000;

async function validate(world: World, token: string) {
  return as(ValidateTokenResponseSchema, await world.handle("ValidateToken", ValidateTokenRequestSchema, { token }));
}

async function refresh(world: World, refreshToken: string): Promise<IssueTokenResponse> {
  return as(IssueTokenResponseSchema, await world.handle("RefreshToken", RefreshTokenRequestSchema, { refreshToken }));
}

async function makeKey(world: World, init: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const key = await world.create("user:system/admin", "service_account_key", {
    orgId: "acme",
    serviceAccountId: "bot",
    ...init,
  });
  return { id: textOf(key, "id"), secret: textOf(key, "secret") };
}

function botLogin(world: World, secret: string): Promise<IssueTokenResponse> {
  return world.login({ orgId: "acme", principalId: "bot", credential: { case: "keySecret", value: secret } });
}

describe("IssueToken", () => {
  let world: World;
  const clock = new HeldClock();
  beforeAll(async () => {
    world = await openWorld({ clock });
    await world.bind("user:acme/bob", "OrgAdmin", { orgId: "acme" });
  });
  afterAll(() => world.close());

  test("answers a JWT with the claims of the contract, for 15 minutes", async () => {
    const { token, expireTime } = await world.login({
      orgId: "acme",
      projectId: "alpha",
      principalId: "alice",
      credential: { case: "password", value: alicePassword },
    });
    expect(decodeProtectedHeader(token)).toEqual({ alg: "ES256", kid: expect.any(String), typ: "at+jwt" });
    const seconds = clock.now() / 1000;
    expect(decodeJwt(token)).toEqual({
      sub: "user:acme/alice",
      org_id: "acme",
      project_id: "alpha",
      principal_kind: "user",
      iss: issuer,
      aud: issuer,
      iat: seconds,
      exp: seconds + 900,
      jti: expect.any(String),
      sid: expect.stringMatching(/^session-/),
    });
    expect(expireTime && timestampMs(expireTime)).toBe(clock.now() + 15 * minute);
    const principal = await world.iam.authenticator.authenticate(token);
    expect(principal).toMatchObject({ kind: "user", org: "acme", id: "alice", project: "alpha" });
  });

  test.each([
    [
      "a wrong password",
      { orgId: "acme", principalId: "alice", credential: { case: "password", value: "no, it is not" } },
    ],
    [
      "an unknown user",
      { orgId: "acme", principalId: "nobody", credential: { case: "password", value: alicePassword } },
    ],
    [
      "an unknown org",
      { orgId: "nowhere", principalId: "alice", credential: { case: "password", value: alicePassword } },
    ],
    ["a foreign org", { orgId: "rival", principalId: "alice", credential: { case: "password", value: alicePassword } }],
    ["a user without a password", { orgId: "acme", principalId: "bob", credential: { case: "password", value: "" } }],
    ["a wrong key", { orgId: "acme", principalId: "bot", credential: { case: "keySecret", value: "pck_wrong" } }],
    [
      "an unknown account",
      { orgId: "acme", principalId: "nobot", credential: { case: "keySecret", value: "pck_wrong" } },
    ],
    [
      "a user with a key",
      { orgId: "acme", principalId: "alice", credential: { case: "keySecret", value: alicePassword } },
    ],
    [
      "an oversized password",
      { orgId: "acme", principalId: "alice", credential: { case: "password", value: "x".repeat(100_000) } },
    ],
    ["nothing at all", { orgId: "acme", principalId: "alice" }],
  ])("refuses %s with BAD_CREDENTIALS in the same words", async (_, request) => {
    const fault = await faultOf(world.login(request));
    expect(fault).toMatchObject({
      reason: "BAD_CREDENTIALS",
      message: "the org, the principal or the credential is wrong",
    });
  });

  test("names the project that is not there, once the credential is good", async () => {
    const credential = { case: "password", value: alicePassword };
    const fault = await faultOf(world.login({ orgId: "acme", projectId: "gamma", principalId: "alice", credential }));
    expect(fault.details.violations?.[0]).toMatchObject({ path: "project_id", rule: "unknown_reference" });
  });

  test("logs a service account in with any of its keys, and notes the use", async () => {
    const [one, two] = [await makeKey(world), await makeKey(world)];
    expect(one.secret).toMatch(/^pck_[A-Za-z0-9_-]{43}$/);
    for (const { secret } of [one, two])
      expect((await validate(world, (await botLogin(world, secret)).token)).principal).toMatchObject({
        id: "bot",
        kind: 2,
      });
    const read = await world.call("user:system/admin", "service_account_key", "get", { orgId: "acme", id: one.id });
    expect(read).toMatchObject({ secret: "", lastUsedTime: { seconds: BigInt(clock.now() / 1000) } });
  });

  test("refuses a key that has expired, and ends its sessions", async () => {
    const expireTime = { seconds: BigInt(clock.now() / 1000 + 60), nanos: 0 };
    const { secret } = await makeKey(world, { expireTime });
    const { token, refreshToken } = await botLogin(world, secret);
    clock.advance(2 * minute);
    expect((await faultOf(botLogin(world, secret))).reason).toBe("BAD_CREDENTIALS");
    expect((await validate(world, token)).valid).toBe(false);
    expect((await faultOf(refresh(world, refreshToken))).reason).toBe("UNAUTHENTICATED");
  });

  test("lets an administrator issue tokens in its org, and nobody else", async () => {
    const { token } = await world.login({ orgId: "acme", principalId: "alice" }, callBy("user:acme/bob"));
    expect((await validate(world, token)).principal?.id).toBe("alice");
    const byAlice = await faultOf(world.login({ orgId: "acme", principalId: "bob" }, callBy("user:acme/alice")));
    expect(byAlice).toMatchObject({ reason: "PERMISSION_DENIED", details: { permission: "iam:tokens:issue" } });
    const foreign = await faultOf(world.login({ orgId: "rival", principalId: "mallory" }, callBy("user:acme/bob")));
    expect(foreign.reason).toBe("PERMISSION_DENIED");
  });

  test("does not let an org's administrator become a system administrator of that org", async () => {
    await world.create("user:system/admin", "user", { orgId: "acme", id: "root" });
    await world.bind("user:acme/root", "SystemAdmin", {});
    const issued = await faultOf(world.login({ orgId: "acme", principalId: "root" }, callBy("user:acme/bob")));
    expect(issued.reason).toBe("PERMISSION_DENIED");
    const change = {
      orgId: "acme",
      id: "root",
      user: { password: "now it is mine" },
      updateMask: { paths: ["password"] },
    };
    const reset = await faultOf(world.call("user:acme/bob", "user", "update", change));
    expect(reset.reason).toBe("PERMISSION_DENIED");
  });

  test("tells the log who came from where, and never with what", async () => {
    await world.loginAlice();
    await faultOf(
      world.login({ orgId: "acme", principalId: "alice", credential: { case: "password", value: "no, it is not" } }),
    );
    const { events } = await world.store.events("", { kind: "iam.v1.Session", limit: 1_000 });
    expect(events.map((event) => event.type)).toEqual(expect.arrayContaining(["login", "login_failed"]));
    expect(events.find((event) => event.type === "login")).toMatchObject({
      sourceIp: "192.0.2.1",
      tenant: { org: "acme" },
    });
    const everything = await world.store.events("", { limit: 10_000 });
    const text = everything.events
      .map((event) => JSON.stringify(event) + Buffer.from(event.resource).toString("latin1"))
      .join();
    for (const secret of [alicePassword, "pck_", "pcr_", "$argon2id", "eyJ"]) expect(text).not.toContain(secret);
  });
});

describe("sessions", () => {
  let world: World;
  const clock = new HeldClock();
  beforeAll(async () => {
    world = await openWorld({ clock });
  });
  afterAll(() => world.close());

  test("RefreshToken gives new tokens; the old one coming back ends the session", async () => {
    const first = await world.loginAlice();
    const second = await refresh(world, first.refreshToken);
    expect((await validate(world, second.token)).valid).toBe(true);
    expect((await faultOf(refresh(world, first.refreshToken))).reason).toBe("UNAUTHENTICATED");
    expect((await validate(world, second.token)).valid).toBe(false);
    expect((await faultOf(refresh(world, second.refreshToken))).reason).toBe("UNAUTHENTICATED");
  });

  test("RefreshToken at the same time twice gives tokens at most once", async () => {
    const { refreshToken } = await world.loginAlice();
    const results = await Promise.allSettled([refresh(world, refreshToken), refresh(world, refreshToken)]);
    expect(results.filter((result) => result.status === "fulfilled").length).toBeLessThanOrEqual(1);
  });

  test.each(["", "pcr_", "pcr_x.y", "pcr_dXNlcjphY21lL2FsaWNlL3Nlc3Npb24teA.AAAA", "x".repeat(600)])(
    "RefreshToken refuses %j",
    async (token) => {
      expect((await faultOf(refresh(world, token))).reason).toBe("UNAUTHENTICATED");
    },
  );

  test("RevokeToken ends the caller's session, and what waits for its end", async () => {
    const { token, refreshToken } = await world.loginAlice();
    const principal = await world.iam.authenticator.authenticate(token);
    const ended = world.iam.authenticator.revoked(principal, new AbortController().signal);
    await world.handle("RevokeToken", RevokeTokenRequestSchema, {}, callBy("", { principal, token }));
    await ended;
    expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    expect((await faultOf(refresh(world, refreshToken))).reason).toBe("UNAUTHENTICATED");
  });

  test("ListSessions shows the caller's own, of which it can end one", async () => {
    const [mine, other] = [await world.loginAlice(), await world.loginAlice()];
    const principal = await world.iam.authenticator.authenticate(mine.token);
    const call = callBy("", { principal, token: mine.token });
    const list = async () =>
      as(ListSessionsResponseSchema, await world.handle("ListSessions", ListSessionsRequestSchema, {}, call)).sessions;
    const before = await list();
    expect(before.filter((session) => session.current)).toHaveLength(1);
    const otherId = String(decodeJwt(other.token).sid);
    await world.handle("RevokeToken", RevokeTokenRequestSchema, { sessionId: otherId }, call);
    expect((await list()).map((session) => session.id)).not.toContain(otherId);
    expect((await validate(world, other.token)).valid).toBe(false);
    const mallory = callBy("user:rival/mallory");
    const fault = await faultOf(
      world.handle("RevokeToken", RevokeTokenRequestSchema, { sessionId: principal.sessionId }, mallory),
    );
    expect(fault.reason).toBe("NOT_FOUND");
    expect((await validate(world, mine.token)).valid).toBe(true);
  });

  test("WhoAmI tells who the caller is", async () => {
    const { token } = await world.loginAlice();
    const principal = await world.iam.authenticator.authenticate(token);
    const answer = as(
      WhoAmIResponseSchema,
      await world.handle("WhoAmI", WhoAmIRequestSchema, {}, callBy("", { principal, token })),
    );
    expect(answer).toMatchObject({
      principal: { id: "alice", orgId: "acme", kind: 1, name: "alice" },
      sessionId: principal.sessionId,
    });
  });

  test("end with the disabling of their user, also what waits for their end", async () => {
    const { token } = await world.loginAlice();
    const principal = await world.iam.authenticator.authenticate(token);
    const ended = world.iam.authenticator.revoked(principal, new AbortController().signal);
    const disable = (disabled: boolean) =>
      world.call("user:system/admin", "user", "update", {
        orgId: "acme",
        id: "alice",
        user: { disabled },
        updateMask: { paths: ["disabled"] },
      });
    await disable(true);
    clock.advance(2_000);
    await ended;
    expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    expect((await faultOf(world.loginAlice())).reason).toBe("BAD_CREDENTIALS");
    await disable(false);
    expect((await world.loginAlice()).token).not.toBe("");
  });

  test("end with a new password", async () => {
    const { token } = await world.loginAlice();
    const update = { orgId: "acme", id: "alice", updateMask: { paths: ["password"] } };
    await world.call("user:system/admin", "user", "update", { ...update, user: { password: "another password" } });
    expect((await validate(world, token)).valid).toBe(false);
    await world.call("user:system/admin", "user", "update", { ...update, user: { password: alicePassword } });
  });

  test("do not come back to life for another user of the same id", async () => {
    const carol = { orgId: "acme", id: "carol", password: "carol's password" };
    await world.create("user:system/admin", "user", carol);
    const { token } = await world.login({
      orgId: "acme",
      principalId: "carol",
      credential: { case: "password", value: carol.password },
    });
    await world.call("user:system/admin", "user", "delete", { orgId: "acme", id: "carol" });
    clock.advance(1_000);
    expect((await validate(world, token)).valid).toBe(false);
    await world.create("user:system/admin", "user", carol);
    expect((await validate(world, token)).valid).toBe(false);
  });

  test("end with the deletion of their key", async () => {
    const { id, secret } = await makeKey(world);
    const { token } = await botLogin(world, secret);
    await world.call("user:system/admin", "service_account_key", "delete", { orgId: "acme", id });
    expect((await validate(world, token)).valid).toBe(false);
  });
});

describe("replicas", () => {
  test("a session that one ends is over at the other within 5 seconds", async () => {
    const clock = new HeldClock();
    const one = await openWorld({ clock });
    const two = createIam({ store: one.store, catalog: catalog(), clock, issuer });
    const { token } = await one.loginAlice();
    const principal = await two.authenticator.authenticate(token);
    const ended = two.authenticator.revoked(principal, new AbortController().signal);
    await one.handle("RevokeToken", RevokeTokenRequestSchema, {}, callBy("", { principal, token }));
    clock.advance(5_000);
    expect((await faultOf(two.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    await ended;
    await one.close();
  });
});
