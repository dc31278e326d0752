// Two servers on one store: what one changes, the other knows within seconds; and what can't be read is refused.
import { expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import type { Store } from "../../../store/store.ts";
import { createIam } from "../index.ts";
import { faultOf, HeldClock, issuer, openWorld, type World } from "../testing/world.ts";

const path = { org: "acme", project: "alpha", type: "vm", id: "vm-1" };
const principal = { kind: "user", org: "acme", id: "bob", project: "", sessionId: "" } as const;
const context = { sourceIp: "", attributes: async () => ({}) };

function second(world: World, store: Store = world.store) {
  const { authorizer } = createIam({ store, catalog: catalog(), clock: world.clock, issuer });
  return () => authorizer.authorize(principal, "compute:vms:get", path, context);
}

test("a binding, a role and their deletion are known to another server within 5 seconds", async () => {
  const clock = new HeldClock();
  const world = await openWorld({ clock });
  const ask = second(world);
  expect((await ask()).allowed).toBe(false);

  const permissions = [{ action: "compute:vms:get" }];
  await world.create("user:system/admin", "role", { orgId: "acme", id: "looker", permissions });
  const id = await world.bind("user:acme/bob", "looker", { orgId: "acme" });
  clock.advance(5_000);
  expect((await ask()).allowed).toBe(true);

  const role = { permissions: [{ action: "compute:images:get" }] };
  const update = { orgId: "acme", id: "looker", role, updateMask: { paths: ["permissions"] } };
  await world.call("user:system/admin", "role", "update", update);
  clock.advance(5_000);
  expect((await ask()).allowed).toBe(false);

  await world.bind("user:acme/bob", "ProjectViewer", { orgId: "acme" });
  await world.call("user:system/admin", "role_binding", "delete", { orgId: "acme", id });
  clock.advance(5_000);
  expect(await ask()).toMatchObject({ allowed: true, roleId: "ProjectViewer" });
  await world.close();
});

test("a group, who is in it, a boundary and a guardrail are known to another server within 5 seconds", async () => {
  const clock = new HeldClock();
  const world = await openWorld({ clock });
  const ask = second(world);
  const later = async () => {
    clock.advance(5_000);
    return (await ask()).allowed;
  };
  const admin = "user:system/admin";
  const change = (noun: string, field: string, id: string, resource: Record<string, unknown>, paths: string[]) =>
    world.call(admin, noun, "update", { orgId: "acme", id, [field]: resource, updateMask: { paths } });
  await world.create(admin, "group", { orgId: "acme", id: "ops" });
  await world.bind("group:acme/ops", "ProjectViewer", { orgId: "acme" });
  expect(await later()).toBe(false);
  await change("group", "group", "ops", { members: ["user:acme/bob"] }, ["members"]);
  expect(await later()).toBe(true);

  await world.create(admin, "role", { orgId: "acme", id: "bounds", permissions: [{ action: "network:*" }] });
  await change("user", "user", "bob", { permissionBoundaryRoleId: "bounds" }, ["permission_boundary_role_id"]);
  expect(await later()).toBe(false);
  await change("user", "user", "bob", {}, ["permission_boundary_role_id"]);
  expect(await later()).toBe(true);

  const statements = [{ action: "compute:vms:get" }];
  const { id } = Object(await world.create(admin, "guardrail", { orgId: "acme", statements }));
  expect(await later()).toBe(false);
  await world.call(admin, "guardrail", "delete", { orgId: "acme", id: String(id) });
  expect(await later()).toBe(true);
  await change("group", "group", "ops", { members: [] }, ["members"]);
  expect(await later()).toBe(false);
  await world.close();
});

test("nobody may do anything while the log or the bindings can't be read", async () => {
  const clock = new HeldClock();
  const world = await openWorld({ clock });
  await world.bind("user:acme/bob", "ProjectViewer", { orgId: "acme" });
  let broken = false;
  const failing = new Proxy(world.store, {
    get(store, name) {
      const value: unknown = Reflect.get(store, name);
      if (typeof value !== "function") return value;
      if (broken && (name === "events" || name === "list")) return () => Promise.reject(new Error("the disk is gone"));
      return value.bind(store);
    },
  });
  const ask = second(world, failing);
  broken = true;
  expect((await faultOf(ask())).reason).toBe("STORE_UNAVAILABLE");
  broken = false;
  expect((await ask()).allowed).toBe(true);
  broken = true;
  clock.advance(5_000);
  expect((await faultOf(ask())).reason).toBe("STORE_UNAVAILABLE");
  broken = false;
  expect((await ask()).allowed).toBe(true);
  await world.close();
});
