import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { ListFactorsRequestSchema } from "@photoncloud/proto/gen/iam/v1/account_pb";
import {
  AttenuateTokenRequestSchema,
  IssueTokenResponseSchema,
  ListPrincipalSessionsRequestSchema,
  ListSessionsResponseSchema,
  RevokeSessionsRequestSchema,
  RevokeSessionsResponseSchema,
  RevokeTokenRequestSchema,
  RevokeTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { createIam } from "../index.ts";
import { ask, callWith } from "../testing/accounts.ts";
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

const admin = "user:system/admin";
let clock: HeldClock;
let world: World;
beforeEach(async () => {
  clock = new HeldClock();
  world = await openWorld({ clock });
  await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme" });
});
afterEach(() => world.close());

const narrow = (token: string, init: Record<string, unknown>) =>
  ask(world, token, "AttenuateToken", [AttenuateTokenRequestSchema, IssueTokenResponseSchema], init);
const revoke = (token: string, init: Record<string, unknown> = {}) =>
  ask(world, token, "RevokeToken", [RevokeTokenRequestSchema, RevokeTokenResponseSchema], init);
const principalOf = (token: string) => world.iam.authenticator.authenticate(token);
const isGood = (token: string) =>
  principalOf(token).then(
    () => true,
    () => false,
  );

async function may(token: string, action: string, id = "vm-1"): Promise<boolean> {
  const path = { org: "acme", project: "alpha", type: "vm", id };
  const context = { sourceIp: "192.0.2.1", attributes: async () => ({}) };
  return (await world.iam.authorizer.authorize(await principalOf(token), action, path, context)).allowed;
}

describe("AttenuateToken", () => {
  test("gives a token of fewer actions and one resource, without a refresh token", async () => {
    const { token } = await world.loginAlice();
    const narrowed = await narrow(token, {
      actions: ["compute:vms:get", "compute:vms:start"],
      resource: "org/acme/project/alpha/vm/vm-1",
    });
    expect(narrowed.refreshToken).toBe("");
    expect(await may(narrowed.token, "compute:vms:get")).toBe(true);
    expect(await may(narrowed.token, "compute:vms:delete")).toBe(false);
    expect(await may(narrowed.token, "compute:vms:get", "vm-2")).toBe(false);
    expect(await may(token, "compute:vms:delete")).toBe(true);
  });

  test("narrows again, and never widens", async () => {
    const { token } = await world.loginAlice();
    const once = await narrow(token, { actions: ["compute:vms:*"] });
    const twice = await narrow(once.token, { actions: ["*"], resource: "org/acme/project/alpha/vm/vm-1" });
    expect(await may(twice.token, "compute:vms:get")).toBe(true);
    expect(await may(twice.token, "compute:images:get")).toBe(false);
    expect(await may(twice.token, "compute:vms:get", "vm-2")).toBe(false);
  });

  test("lives as long as is asked, and never longer than what it comes from", async () => {
    const { token } = await world.loginAlice();
    const once = await narrow(token, { ttlSeconds: 60 });
    const twice = await narrow(once.token, { ttlSeconds: 3_600 });
    expect(twice.expireTime).toEqual(once.expireTime);
    clock.advance(60_000);
    for (const one of [once, twice]) expect(await isGood(one.token)).toBe(false);
    expect(await isGood(token)).toBe(true);
  });

  test("ends with its parent, and what it was narrowed to with it; not the other way round", async () => {
    const { token } = await world.loginAlice();
    const [once, sibling] = [await narrow(token, {}), await narrow(token, {})];
    const twice = await narrow(once.token, {});
    await revoke(once.token);
    for (const one of [once, twice]) expect(await isGood(one.token)).toBe(false);
    for (const one of [token, sibling.token]) expect(await isGood(one)).toBe(true);
    await revoke(token);
    expect(await isGood(sibling.token)).toBe(false);
  });

  test("ends open streams with its parent", async () => {
    const { token } = await world.loginAlice();
    const { token: narrowed } = await narrow((await narrow(token, {})).token, {});
    const ended = world.iam.authenticator.revoked(await principalOf(narrowed), new AbortController().signal);
    await revoke(token);
    await ended;
  });

  test("does nothing to its holder's account, and gives out no wider token", async () => {
    await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme", projectId: "alpha" });
    const { token } = await world.loginAlice();
    const { token: narrowed } = await narrow(token, { actions: ["iam:tokens:issue", "compute:vms:*"] });
    const call = await callWith(world, narrowed);
    expect((await faultOf(world.handle("ListFactors", ListFactorsRequestSchema, {}, call))).reason).toBe(
      "PERMISSION_DENIED",
    );
    expect((await faultOf(world.login({ orgId: "acme", principalId: "alice" }, call))).reason).toBe(
      "PERMISSION_DENIED",
    );
    const { sessionId } = await principalOf(token);
    expect((await faultOf(revoke(narrowed, { sessionId }))).reason).toBe("PERMISSION_DENIED");
    expect(await isGood(token)).toBe(true);
  });

  test.each([
    [{ actions: ["compute"] }, "actions[0]"],
    [{ actions: ["compute:vms:get", "Compute:*"] }, "actions[1]"],
    [{ resource: "org/acme/pro ject" }, "resource"],
    [{ ttlSeconds: 0 }, "ttl_seconds"],
    [{ ttlSeconds: 3_601 }, "ttl_seconds"],
  ])("refuses %j", async (init, path) => {
    const { token } = await world.loginAlice();
    expect((await faultOf(narrow(token, init))).details.violations?.[0]?.path).toBe(path);
  });

  test("stops at fifty beneath one session, and at four levels", async () => {
    let { token } = await world.loginAlice();
    const { token: wide } = await world.loginAlice();
    for (let at = 0; at < 50; at += 1) await narrow(wide, {});
    expect((await faultOf(narrow(wide, {}))).reason).toBe("WRONG_STATE");
    for (let at = 0; at < 4; at += 1) ({ token } = await narrow(token, {}));
    expect((await faultOf(narrow(token, {}))).reason).toBe("WRONG_STATE");
  });
});

describe("an administrator", () => {
  const list = async (principalId: string, orgId = "acme") =>
    as(
      ListSessionsResponseSchema,
      await world.handle(
        "ListPrincipalSessions",
        ListPrincipalSessionsRequestSchema,
        { orgId, principalId },
        callBy(admin),
      ),
    ).sessions;
  const end = async (init: Record<string, unknown>) =>
    as(
      RevokeSessionsResponseSchema,
      await world.handle("RevokeSessions", RevokeSessionsRequestSchema, init, callBy(admin)),
    );

  test("lists the sessions of others, with what they were narrowed to, and ends one or all", async () => {
    const [one, two] = [await world.loginAlice(), await world.loginAlice()];
    const { token: narrowed } = await narrow(one.token, { actions: ["compute:vms:get"] });
    const sessions = await list("alice");
    expect(sessions).toHaveLength(3);
    expect(sessions.flatMap(({ limits }) => limits)).toMatchObject([{ actions: ["compute:vms:get"] }]);
    expect(sessions.every(({ method }) => method === "password")).toBe(true);
    const { sessionId } = await principalOf(one.token);
    const ended = world.iam.authenticator.revoked(await principalOf(narrowed), new AbortController().signal);
    expect(await end({ orgId: "acme", principalId: "alice", sessionId })).toMatchObject({ revoked: 1 });
    await ended;
    for (const token of [one.token, narrowed]) expect(await isGood(token)).toBe(false);
    expect(await isGood(two.token)).toBe(true);
    expect(await end({ orgId: "acme", principalId: "alice" })).toMatchObject({ revoked: 1 });
    expect(await list("alice")).toEqual([]);
  });

  test("finds nobody of another org", async () => {
    expect((await faultOf(list("alice", "rival"))).details.violations?.[0]?.rule).toBe("unknown_reference");
    const foreign = end({ orgId: "rival", principalId: "alice" });
    expect((await faultOf(foreign)).details.violations?.[0]?.rule).toBe("unknown_reference");
  });
});

test("one session more than the org allows ends the oldest", async () => {
  const mask = { paths: ["account_policy"] };
  await world.call(admin, "org", "update", {
    id: "acme",
    org: { accountPolicy: { maxSessions: 2 } },
    updateMask: mask,
  });
  const tokens = [];
  for (let at = 0; at < 3; at += 1) {
    tokens.push((await world.loginAlice()).token);
    clock.advance(1_000);
  }
  expect(await Promise.all(tokens.map(isGood))).toEqual([false, true, true]);
});

describe("disabling and deleting a principal", () => {
  const update = (disabled: boolean) =>
    world.call(admin, "user", "update", {
      orgId: "acme",
      id: "alice",
      user: { disabled },
      updateMask: { paths: ["disabled"] },
    });

  test.each([
    ["disabling", () => update(true)],
    [
      "a new password",
      () =>
        world.call(admin, "user", "update", {
          orgId: "acme",
          id: "alice",
          user: { password: "a quite new phrase" },
          updateMask: { paths: ["password"] },
        }),
    ],
  ])("%s ends narrowed tokens and their streams, on every server", async (_, change) => {
    const two = createIam({ store: world.store, catalog: catalog(), clock, issuer });
    two.start();
    const { token } = await world.loginAlice();
    const { token: narrowed } = await narrow(token, {});
    const principal = await two.authenticator.authenticate(narrowed);
    const streams = [world.iam, two].map(({ authenticator }) =>
      authenticator.revoked(principal, new AbortController().signal),
    );
    await change();
    clock.advance(5_000);
    await Promise.all(streams);
    for (const iam of [world.iam, two])
      expect((await faultOf(iam.authenticator.authenticate(narrowed))).reason).toBe("UNAUTHENTICATED");
    await two.stop();
  });
});

describe("a service account", () => {
  const makeKey = async () => world.create(admin, "service_account_key", { orgId: "acme", serviceAccountId: "bot" });
  const loginBot = (secret: string) =>
    world.login({ orgId: "acme", principalId: "bot", credential: { case: "keySecret", value: secret } });

  test("changes its key without a gap: what the new one opened goes on, what the old one opened ends, narrowed tokens and all", async () => {
    const [old, fresh] = [await makeKey(), await makeKey()];
    const [before, after] = [await loginBot(textOf(old, "secret")), await loginBot(textOf(fresh, "secret"))];
    const { token: narrowed } = await narrow(before.token, {});
    const ended = world.iam.authenticator.revoked(await principalOf(narrowed), new AbortController().signal);
    await world.call(admin, "service_account_key", "delete", { orgId: "acme", id: textOf(old, "id") });
    clock.advance(5_000);
    await ended;
    expect(await Promise.all([before.token, narrowed, after.token].map(isGood))).toEqual([false, false, true]);
    expect((await faultOf(loginBot(textOf(old, "secret")))).reason).toBe("BAD_CREDENTIALS");
  });

  test("that is deleted keeps no session that an administrator opened for it", async () => {
    const issued = await world.login({ orgId: "acme", principalId: "bot" }, callBy(admin));
    const { token: narrowed } = await narrow(issued.token, {});
    await world.call(admin, "service_account", "delete", { orgId: "acme", id: "bot" });
    expect(await Promise.all([issued.token, narrowed].map(isGood))).toEqual([false, false]);
  });
});

describe("a change of signing keys", () => {
  const week = 7 * 24 * 3_600_000;

  test("refuses no request on either server, whichever of them comes to it first", async () => {
    const two = createIam({ store: world.store, catalog: catalog(), clock, issuer });
    const login = () =>
      world.login({ orgId: "acme", principalId: "alice", credential: { case: "password", value: alicePassword } });
    const change = (Math.floor(clock.now() / week) + 1) * week;
    clock.advance(change - clock.now() - 20 * 60_000);
    const tokens: { readonly token: string; readonly until: number }[] = [];
    const kids = new Set<string>();
    for (let at = 0; at < 20; at += 1) {
      const { token } = await login();
      kids.add(String(JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid));
      tokens.push({ token, until: clock.now() + 15 * 60_000 });
      for (const one of tokens.filter(({ until }) => until > clock.now()))
        for (const iam of [world.iam, two]) await iam.authenticator.authenticate(one.token);
      clock.advance(120_000);
    }
    expect(kids.size).toBe(2);
    const published = (await two.jwks()).keys.map(({ kid }) => kid);
    for (const kid of kids) expect(published).toContain(kid);
  });

  test("refuses no narrowed token of an hour that was signed just before", async () => {
    const change = (Math.floor(clock.now() / week) + 1) * week;
    clock.advance(change - clock.now() - 1_000);
    const { token } = await world.loginAlice();
    const { token: narrowed } = await narrow(token, { ttlSeconds: 3_600 });
    const two = createIam({ store: world.store, catalog: catalog(), clock, issuer });
    clock.advance(3_599_000);
    for (const iam of [world.iam, two]) expect((await iam.authenticator.authenticate(narrowed)).id).toBe("alice");
  });
});
