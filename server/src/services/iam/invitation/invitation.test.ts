import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import {
  AcceptInvitationRequestSchema,
  InvitationSchema,
  PreviewInvitationRequestSchema,
  PreviewInvitationResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/invitation_pb";
import { onEachStore } from "../testing/databases.ts";
import { as, callBy, faultOf, HeldClock, openWorld, type World } from "../testing/world.ts";

const alice = "user:acme/alice";
const password = "a quite new phrase";
const dayMs = 24 * 3_600_000;
let clock: HeldClock;
let world: World;

async function invite(init: Record<string, unknown> = {}, who = alice) {
  return as(InvitationSchema, await world.create(who, "invitation", { orgId: "acme", ...init }));
}
const accept = (init: Record<string, unknown>, terms = {}) =>
  world.handle(
    "AcceptInvitation",
    AcceptInvitationRequestSchema,
    { userId: "zoe", password, ...init },
    callBy("", terms),
  );
const preview = async (token: string, sourceIp = "192.0.2.1") =>
  as(
    PreviewInvitationResponseSchema,
    await world.handle("PreviewInvitation", PreviewInvitationRequestSchema, { token }, callBy("", { sourceIp })),
  );
const loginZoe = () =>
  world.login({ orgId: "acme", principalId: "zoe", credential: { case: "password", value: password } });

onEachStore((openStore) => {
  beforeEach(async () => {
    clock = new HeldClock();
    world = await openWorld({ clock, store: await openStore(clock) });
    await world.bind(alice, "OrgAdmin", { orgId: "acme" });
  });

  afterEach(() => world.close());

  describe("an invitation", () => {
    test("tells who invites to what, makes the user, and gives it the roles and groups", async () => {
      await world.create(alice, "group", { orgId: "acme", id: "operators" });
      const roles = [{ roleId: "ProjectMember", projectId: "alpha" }, { roleId: "ProjectViewer" }];
      const { token } = await invite({ email: "zoe@acme.example", roles, groupIds: ["operators"] });
      expect(token).toMatch(/^pci_[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
      expect(await preview(token)).toMatchObject({
        orgId: "acme",
        invitedBy: alice,
        email: "zoe@acme.example",
        groupIds: ["operators"],
        roles: [{ roleId: "ProjectMember", projectId: "alpha" }, { roleId: "ProjectViewer" }],
        minPasswordLength: 12,
        mfaRequired: false,
        expireTime: timestampFromMs(clock.now() + 7 * dayMs),
      });
      await accept({ token });
      expect((await loginZoe()).token).not.toBe("");
      const at = (project: string) => ({ org: "acme", project, type: "vm", id: "" });
      expect(await world.allowed("user:acme/zoe", "compute:vms:create", at("alpha"))).toBe(true);
      expect(await world.allowed("user:acme/zoe", "compute:vms:create", at("beta"))).toBe(false);
      expect(await world.allowed("user:acme/zoe", "compute:vms:list", at("beta"))).toBe(true);
      const group = as(GroupSchema, await world.call(alice, "group", "get", { orgId: "acme", id: "operators" }));
      expect(group.members).toEqual(["user:acme/zoe"]);
    });

    test("is accepted once, and says as whom", async () => {
      const { token, id } = await invite();
      await accept({ token });
      const again = await faultOf(accept({ token, userId: "yan" }));
      expect(again.reason).toBe("BAD_CREDENTIALS");
      const read = as(InvitationSchema, await world.call(alice, "invitation", "get", { orgId: "acme", id }));
      expect(read).toMatchObject({ acceptedAs: "zoe", acceptTime: timestampFromMs(clock.now()), token: "" });
    });

    test("is accepted once among many at the same time", async () => {
      const { token } = await invite();
      const ids = ["zoe", "yan", "xan", "wim"];
      const all = await Promise.allSettled(ids.map((userId) => accept({ token, userId })));
      expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    test.each([
      ["expired", async () => clock.advance(7 * dayMs)],
      ["taken back", async (id: string) => world.call(alice, "invitation", "delete", { orgId: "acme", id })],
    ])("that was %s is worth nothing, in the same words as one that never was", async (_, end) => {
      const { token, id } = await invite();
      await end(id);
      const wrong = `${token.slice(0, -43)}${"A".repeat(43)}`;
      const words = [];
      for (const [index, one] of [token, wrong, "pci_", "nonsense", "x".repeat(2_000)].entries()) {
        const sourceIp = `10.0.${index}.1`;
        const { reason, message } = await faultOf(preview(one, sourceIp));
        words.push(`${reason} ${message}`);
        expect((await faultOf(accept({ token: one }, { sourceIp }))).message).toBe(message);
      }
      expect(new Set(words).size).toBe(1);
    });

    test("gives nothing that the one who invites does not hold", async () => {
      await world.bind("user:acme/bob", "ProjectAdmin", { orgId: "acme", projectId: "alpha" });
      const fault = await faultOf(invite({ roles: [{ roleId: "OrgAdmin" }] }, "user:acme/bob"));
      expect(fault.reason).toBe("PERMISSION_DENIED");
      expect((await faultOf(invite({ roles: [{ roleId: "SystemAdmin" }] }))).reason).toMatch(
        /PERMISSION_DENIED|INVALID_FIELDS/,
      );
    });

    test("gives nothing that the one who invited has lost since, and tells the newcomer no more than that", async () => {
      const binding = await world.bind("user:acme/bob", "OrgAdmin", { orgId: "acme" });
      const { token } = await invite({ roles: [{ roleId: "OrgAdmin" }] }, "user:acme/bob");
      await world.call(alice, "role_binding", "delete", { orgId: "acme", id: binding });
      const fault = await faultOf(accept({ token }));
      expect(fault).toMatchObject({ reason: "WRONG_STATE", details: {} });
      expect(fault.details.permission).toBeUndefined();
      expect((await faultOf(loginZoe())).reason).toBe("BAD_CREDENTIALS");
    });

    test("of one who is disabled is worth nothing", async () => {
      await world.bind("user:acme/bob", "OrgAdmin", { orgId: "acme" });
      const { token } = await invite({}, "user:acme/bob");
      const mask = { paths: ["disabled"] };
      await world.call(alice, "user", "update", {
        orgId: "acme",
        id: "bob",
        user: { disabled: true },
        updateMask: mask,
      });
      expect((await faultOf(accept({ token }))).reason).toBe("WRONG_STATE");
    });

    test("may name the user, and then makes no other", async () => {
      const { token } = await invite({ userId: "zoe" });
      expect((await faultOf(accept({ token, userId: "root" }))).details.violations?.[0]?.path).toBe("user_id");
      await accept({ token, userId: "" });
      expect((await loginZoe()).token).not.toBe("");
    });

    test("leaves an id that is taken alone, and can then be accepted with another", async () => {
      const { token } = await invite();
      expect((await faultOf(accept({ token, userId: "bob" }))).reason).toBe("ALREADY_EXISTS");
      expect((await faultOf(accept({ token, password: "Zoe-123456789" }))).details.violations?.[0]?.path).toBe(
        "password",
      );
      await accept({ token });
    });

    test.each([
      [{ expireTime: timestampFromMs(0) }, "expire_time"],
      [{ roles: [{ roleId: "NoSuchRole" }] }, "roles[0].role_id"],
      [{ roles: [{ roleId: "ProjectViewer", projectId: "gamma" }] }, "roles[0].project_id"],
      [{ groupIds: ["nobody"] }, "group_ids[0]"],
    ])("can't be made with %j", async (init, path) => {
      expect((await faultOf(invite(init))).details.violations?.[0]?.path).toBe(path);
    });

    test("keeps its secret to itself", async () => {
      const { token } = await invite();
      const secret = token.split(".")[1] ?? "";
      await accept({ token });
      const { events } = await world.store.events("", { limit: 10_000 });
      const text = events.map((event) => JSON.stringify(event) + Buffer.from(event.resource).toString("latin1")).join();
      for (const canary of [secret, password]) expect(text).not.toContain(canary);
    });

    test("is not guessed: wrong tokens are slowed down", async () => {
      const { token } = await invite();
      const wrong = `${token.slice(0, -43)}${"A".repeat(43)}`;
      for (let at = 0; at < 5; at += 1) await faultOf(preview(wrong));
      expect((await faultOf(preview(wrong))).reason).toBe("TOO_MANY_REQUESTS");
    });
  });
});
