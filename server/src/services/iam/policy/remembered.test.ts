// Attacks on what is remembered of decisions: a decision is never another person's, another resource's, another place's or yesterday's.
import { describe, expect, test } from "@jest/globals";
import { Effect } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { bob, may, onEachDatabase, vm } from "../testing/databases.ts";
import { HeldClock, openWorld, textOf, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alpha = { orgId: "acme", projectId: "alpha" };
const action = "compute:vms:delete";

async function give(world: World, principal: string, id: string, permission: Record<string, unknown>): Promise<string> {
  await world.create(admin, "role", { ...acme, id, permissions: [{ action, ...permission }] });
  return world.bind(principal, id, alpha);
}

onEachDatabase(
  (world) => {
    describe("what was allowed a moment ago", () => {
      test("is not allowed for another resource of the same place", async () => {
        const named = { ...bob, id: "named" };
        await give(world(), "user:acme/named", "one-machine", { resourcePattern: "org/acme/project/alpha/vm/vm-1" });
        for (let times = 0; times < 3; times += 1) {
          expect(await may(world(), named, action, vm)).toBe(true);
          expect(await may(world(), named, action, { ...vm, id: "vm-2" })).toBe(false);
          expect(await may(world(), named, action, { ...vm, id: "" })).toBe(false);
          expect(await may(world(), named, action, { ...vm, project: "beta" })).toBe(false);
          expect(await may(world(), named, action, { ...vm, org: "rival" })).toBe(false);
        }
      });

      test("is not allowed once its labels, or the caller's address, are others", async () => {
        const conditions = ['resource.labels.env == "dev"', 'request.source_ip.inNetwork("10.0.0.0/8")'];
        await give(world(), "user:acme/careful", "careful", { conditions });
        const careful = { ...bob, id: "careful" };
        const ask = (env: string, sourceIp: string) =>
          may(world(), careful, action, vm, { sourceIp, attributes: async () => ({ "labels.env": env }) });
        for (let times = 0; times < 3; times += 1) {
          expect(await ask("dev", "10.1.2.3")).toBe(true);
          expect(await ask("prod", "10.1.2.3")).toBe(false);
          expect(await ask("dev", "192.0.2.1")).toBe(false);
        }
      });

      test("is not allowed for a narrowed token, another project's token, or a namesake of another kind or org", async () => {
        const twin = { ...bob, id: "twin" };
        await give(world(), "user:acme/twin", "all-of-it", {});
        for (let times = 0; times < 3; times += 1) {
          expect(await may(world(), twin, action)).toBe(true);
          expect(await may(world(), { ...twin, limits: [{ actions: ["compute:vms:get"] }] }, action)).toBe(false);
          expect(await may(world(), { ...twin, project: "beta" }, action)).toBe(false);
          expect(await may(world(), { ...twin, kind: "service_account" }, action)).toBe(false);
          expect(await may(world(), { ...twin, org: "rival" }, action)).toBe(false);
        }
      });

      test("by a group that a login brought is not allowed without it", async () => {
        await world().create(admin, "group", { ...acme, id: "brought" });
        await give(world(), "group:acme/brought", "by-group", {});
        const plain = { ...bob, id: "plain" };
        for (let times = 0; times < 3; times += 1) {
          expect(await may(world(), { ...plain, groups: ["group:acme/brought"] }, action)).toBe(true);
          expect(await may(world(), plain, action)).toBe(false);
          expect(await may(world(), { ...plain, groups: ["group:rival/brought"] }, action)).toBe(false);
        }
      });

      test("ends with a guardrail, a denial, a boundary and the role's own change, each at once, and comes back with them", async () => {
        await world().create(admin, "user", { ...acme, id: "changed" });
        await give(world(), "user:acme/changed", "to-change", {});
        const who = { ...bob, id: "changed" };
        const is = async (allowed: boolean) => expect(await may(world(), who, action)).toBe(allowed);
        const permissions = (wanted: readonly Record<string, unknown>[]) =>
          world().call(admin, "role", "update", {
            ...acme,
            id: "to-change",
            role: { permissions: wanted },
            updateMask: { paths: ["permissions"] },
          });
        const bound = (permissionBoundaryRoleId: string | undefined) =>
          world().call(admin, "user", "update", {
            ...acme,
            id: "changed",
            user: { permissionBoundaryRoleId },
            updateMask: { paths: ["permission_boundary_role_id"] },
          });
        await is(true);
        const guardrail = await world().create(admin, "guardrail", { ...alpha, statements: [{ action }] });
        await is(false);
        await world().call(admin, "guardrail", "delete", { ...alpha, id: textOf(guardrail, "id") });
        await is(true);
        await permissions([{ action }, { action, effect: Effect.DENY }]);
        await is(false);
        await permissions([{ action }]);
        await is(true);
        await bound("ProjectViewer");
        await is(false);
        await bound(undefined);
        await is(true);
      });
    });
  },
  async (world) => {
    for (const id of ["named", "careful", "twin", "plain"]) await world.create(admin, "user", { ...acme, id });
  },
);

test("what depends on the time is decided by the time", async () => {
  const clock = new HeldClock();
  const world = await openWorld({ clock, start: false });
  const until = new Date(clock.now() + 60_000).toISOString();
  await give(world, "user:acme/bob", "for-a-minute", { conditions: [`request.time < timestamp("${until}")`] });
  expect([await may(world, bob, action), await may(world, bob, action)]).toEqual([true, true]);
  clock.advance(60_001);
  expect(await may(world, bob, action)).toBe(false);
  await world.close();
});
