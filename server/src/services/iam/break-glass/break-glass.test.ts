import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import { IssueTokenResponseSchema, OpenBreakGlassRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { ask, callWith, enrolApp } from "../testing/accounts.ts";
import { onEachStore } from "../testing/databases.ts";
import { as, callBy, faultOf, HeldClock, kindOf, openWorld, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const reason = "the identity provider is down";
const hourMs = 3_600_000;
const phrase = (id: string) => `${id} has a quite long phrase`;
let clock: HeldClock;
let world: World;
let alarms: [Readonly<Record<string, string>>, string][];
let anna: string;
let boris: string;

async function keeper(id: string): Promise<string> {
  await world.create(admin, "user", { orgId: "system", id, password: phrase(id) });
  await world.bind(`user:system/${id}`, "BreakGlassKeeper", {});
  return login(id);
}

async function login(id: string, code = ""): Promise<string> {
  const credential = { case: "password", value: phrase(id) };
  return (await world.login({ orgId: "system", principalId: id, credential, code })).token;
}

async function request(token: string) {
  const message = create(BreakGlassSchema, { reason });
  const answer = await world.resources.unary(kindOf("break_glass"), "create", message, await callWith(world, token));
  return as(BreakGlassSchema, answer);
}

async function custom(token: string, name: string, id: string) {
  const kind = kindOf("break_glass");
  const method = kind.custom.find(({ desc }) => desc.name === name);
  if (method === undefined) throw new Error(`no method ${name}`);
  const call = await callWith(world, token);
  return as(BreakGlassSchema, await world.resources.custom(kind, method, create(GetRequestSchema, { id }), call));
}

const approve = (token: string, id: string) => custom(token, "ApproveBreakGlass", id);
const end = (token: string, id: string) => custom(token, "EndBreakGlass", id);
const open = async (token: string, id: string) =>
  (await ask(world, token, "OpenBreakGlass", [OpenBreakGlassRequestSchema, IssueTokenResponseSchema], { id })).token;

async function opened(): Promise<{ id: string; token: string }> {
  const { id } = await request(anna);
  await approve(boris, id);
  return { id, token: await open(anna, id) };
}

async function mayAll(token: string): Promise<boolean> {
  const principal = await world.iam.authenticator.authenticate(token);
  const path = { org: "rival", project: "", type: "user", id: "mallory" };
  const context = { sourceIp: "192.0.2.1", attributes: async () => ({}) };
  return (await world.iam.authorizer.authorize(principal, "iam:users:update", path, context)).allowed;
}

onEachStore((openStore) => {
  beforeEach(async () => {
    clock = new HeldClock();
    alarms = [];
    world = await openWorld({ clock, store: await openStore(clock), onAlarm: (...alarm) => alarms.push(alarm) });
    [anna, boris] = [await keeper("anna"), await keeper("boris")];
  });

  afterEach(() => world.close());

  describe("break-glass", () => {
    test("takes two people, and gives the first everything for an hour", async () => {
      expect(await mayAll(anna)).toBe(false);
      const { token } = await opened();
      expect(await world.iam.authenticator.authenticate(token)).toMatchObject({ org: "system", id: "break-glass" });
      expect(await mayAll(token)).toBe(true);
      clock.advance(hourMs - 1_000);
      expect(await mayAll(token)).toBe(true);
      clock.advance(1_000);
      expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    });

    test("is sealed again by the cloud when its hour is over, once, which is an event and an alarm", async () => {
      const { id } = await opened();
      clock.advance(hourMs);
      const sealings = async () => {
        const { events } = await world.store.events("", { id, actor: "engine", limit: 10 });
        return events.map(({ type, method, decidedBy }) => `${type} ${method} ${decidedBy}`);
      };
      for (const deadline = Date.now() + 10_000; (await sealings()).length === 0 && Date.now() < deadline; )
        await new Promise((resolve) => setImmediate(resolve));
      const glass = await world.call(admin, "break_glass", "get", { id });
      expect(as(BreakGlassSchema, glass).state).toBe(BreakGlassState.ENDED);
      clock.advance(hourMs);
      expect(await sealings()).toEqual(["updated iam.v1.BreakGlassService/EndBreakGlass time"]);
    });

    test("seals itself: streams end with the hour", async () => {
      const { token } = await opened();
      const principal = await world.iam.authenticator.authenticate(token);
      const ended = world.iam.authenticator.revoked(principal, new AbortController().signal);
      clock.advance(hourMs);
      await ended;
    });

    test("is approved by nobody who asked for it, nor by the administrator that it opens", async () => {
      const { id } = await request(anna);
      expect((await faultOf(approve(anna, id))).reason).toBe("WRONG_STATE");
      expect((await faultOf(approve(await login("anna"), id))).reason).toBe("WRONG_STATE");
      const { token } = await opened();
      expect((await faultOf(approve(token, id))).reason).toBe("WRONG_STATE");
      expect((await faultOf(request(token))).reason).toBe("WRONG_STATE");
    });

    test("is no way for an administrator to be two people: sessions that it opened for others don't count", async () => {
      const { id } = await request(anna);
      const issued = await world.login({ orgId: "system", principalId: "boris" }, callBy(admin));
      expect((await faultOf(approve(issued.token, id))).reason).toBe("WRONG_STATE");
      expect((await faultOf(request(issued.token))).reason).toBe("WRONG_STATE");
    });

    test("is opened by the one who asked, once, when it was approved", async () => {
      const { id } = await request(anna);
      expect((await faultOf(open(anna, id))).reason).toBe("WRONG_STATE");
      await approve(boris, id);
      expect((await faultOf(open(boris, id))).reason).toBe("PERMISSION_DENIED");
      const both = await Promise.allSettled([open(anna, id), open(anna, id)]);
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect((await faultOf(open(anna, id))).reason).toBe("WRONG_STATE");
      expect((await faultOf(open(anna, "glass-nothing"))).reason).toBe("NOT_FOUND");
    });

    test("waits an hour for the second person, and no longer", async () => {
      const { id } = await request(anna);
      clock.advance(hourMs);
      [anna, boris] = [await login("anna"), await login("boris")];
      expect((await faultOf(approve(boris, id))).reason).toBe("WRONG_STATE");
      const later = await request(anna);
      await approve(boris, later.id);
      clock.advance(hourMs);
      expect((await faultOf(open(await login("anna"), later.id))).reason).toBe("WRONG_STATE");
    });

    test("ends at once, with its streams, where anyone of them says so", async () => {
      const { id, token } = await opened();
      const principal = await world.iam.authenticator.authenticate(token);
      const ended = world.iam.authenticator.revoked(principal, new AbortController().signal);
      expect((await end(boris, id)).state).toBe(BreakGlassState.ENDED);
      clock.advance(5_000);
      await ended;
      expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
    });

    test("can't be tidied away while it is open", async () => {
      const { id } = await opened();
      expect((await faultOf(world.call(admin, "break_glass", "delete", { id }))).reason).toBe("WRONG_STATE");
      clock.advance(hourMs);
      await world.call(admin, "break_glass", "delete", { id });
    });

    test("asks for a fresh second factor of those who have one", async () => {
      const { app } = await enrolApp(world, anna);
      anna = await login("anna", app.code());
      clock.advance(11 * 60_000);
      expect((await faultOf(request(anna))).reason).toBe("FRESH_FACTOR_REQUIRED");
      anna = await login("anna", app.code());
      const { id } = await request(anna);
      const second = await enrolApp(world, await login("boris"));
      boris = await login("boris", second.app.code());
      clock.advance(11 * 60_000);
      expect((await faultOf(approve(boris, id))).reason).toBe("FRESH_FACTOR_REQUIRED");
      boris = await login("boris", second.app.code());
      expect((await approve(boris, id)).approvedBy).toBe("user:system/boris");
      clock.advance(3 * 60_000);
      expect((await faultOf(open(anna, id))).reason).toBe("FRESH_FACTOR_REQUIRED");
    });

    test("is loud: an event and an alarm for each step, with who and why", async () => {
      const { id } = await opened();
      await end(boris, id);
      clock.advance(5_000);
      await faultOf(world.iam.authenticator.authenticate("nothing"));
      const { events } = await world.store.events("", { kind: "iam.v1.BreakGlass", limit: 100 });
      expect(events.map(({ actor }) => actor)).toEqual([
        "user:system/anna",
        "user:system/boris",
        "user:system/anna",
        "user:system/boris",
      ]);
      await world.iam.authorizer.authorize(
        { kind: "user", org: "system", id: "anna", project: "", sessionId: "" },
        "iam:users:get",
        { org: "acme", project: "", type: "", id: "" },
        { sourceIp: "", attributes: async () => ({}) },
      );
      expect(alarms.map(([, message]) => message.split(":")[0])).toEqual([
        "break-glass requested",
        "break-glass approved",
        "break-glass opened",
        "break-glass ended",
      ]);
      expect(alarms[0]?.[0]).toMatchObject({ reason, requested_by: "user:system/anna", break_glass: id });
    });
  });

  describe("the sealed administrator", () => {
    const change = (user: Record<string, unknown>) =>
      world.call(admin, "user", "update", {
        orgId: "system",
        id: "break-glass",
        user,
        updateMask: {
          paths: Object.keys(user).map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
        },
      });

    test("is given no credential, and is not shut out", async () => {
      for (const user of [
        { password: "a quite new phrase" },
        { federatedSubject: "me" },
        { userName: "me" },
        { disabled: true },
      ])
        expect((await faultOf(change(user))).reason).toBe("BUILT_IN");
    });

    test("is nobody's to issue tokens for, nor to log in as", async () => {
      const issued = world.login({ orgId: "system", principalId: "break-glass" }, callBy(admin));
      expect((await faultOf(issued)).details.violations?.[0]?.path).toBe("principal_id");
      for (const value of ["", "break-glass"])
        expect(
          (
            await faultOf(
              world.login({ orgId: "system", principalId: "break-glass", credential: { case: "password", value } }),
            )
          ).reason,
        ).toBe("BAD_CREDENTIALS");
    });
  });
});
