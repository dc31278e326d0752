// Groups through the kind and the authorizer: what they give, to whom, and what may be given by them.
import { expect, test } from "@jest/globals";
import { bob, group, may, onEachDatabase, setMembers, vm } from "../testing/databases.ts";
import { faultOf } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alpha = { orgId: "acme", projectId: "alpha" };

onEachDatabase(
  (world) => {
    test("count at once: the binding, the membership, and the end of both", async () => {
      await group(world(), admin, "ops", []);
      const binding = await world().bind("group:acme/ops", "ProjectMember", alpha);
      expect(await may(world(), bob, "compute:vms:stop")).toBe(false);
      await setMembers(world(), admin, "ops", ["user:acme/bob"]);
      const decision = await world().may("user:acme/bob", "compute:vms:stop", vm);
      expect(decision).toMatchObject({ allowed: true, roleBindingId: binding });
      expect(decision.explanation).toContain("group:acme/ops, in which user:acme/bob is,");
      expect(await may(world(), bob, "compute:vms:stop", { ...vm, project: "beta" })).toBe(false);
      await setMembers(world(), admin, "ops", []);
      expect(await may(world(), bob, "compute:vms:stop")).toBe(false);
    });

    test("can't be deleted while a binding speaks of them", async () => {
      await group(world(), admin, "bound", []);
      const id = await world().bind("group:acme/bound", "ProjectViewer", alpha);
      expect((await faultOf(world().call(admin, "group", "delete", { ...acme, id: "bound" }))).reason).toBe(
        "STILL_REFERENCED",
      );
      await world().call(admin, "role_binding", "delete", { ...alpha, id });
      await world().call(admin, "group", "delete", { ...acme, id: "bound" });
    });

    test.each([
      ["of another org", "user:rival/mallory"],
      ["that is not there", "user:acme/nobody"],
    ])("refuse a member %s in the same words", async (_, member) => {
      const fault = await faultOf(group(world(), admin, "strange", ["user:acme/bob", member]));
      const [violation] = fault.details.violations ?? [];
      expect(violation).toMatchObject({ path: "members[1]", rule: "unknown_reference" });
      expect(violation?.message.replace(member, "")).toBe(
        '"" is nobody here; give a user or a service account of this org, for example "user:acme-corp/alice"',
      );
    });

    test("lose who is deleted, and a later namesake is in none of them", async () => {
      await world().create(admin, "user", { ...acme, id: "erin" });
      await group(world(), admin, "leavers", ["user:acme/erin", "user:acme/bob"]);
      await world().bind("group:acme/leavers", "ProjectViewer", alpha);
      await world().call(admin, "user", "delete", { ...acme, id: "erin" });
      const left = await world().call(admin, "group", "get", { ...acme, id: "leavers" });
      expect(Reflect.get(left, "members")).toEqual(["user:acme/bob"]);
      await world().create(admin, "user", { ...acme, id: "erin" });
      expect(await may(world(), { ...bob, id: "erin" }, "compute:vms:get")).toBe(false);
      await setMembers(world(), admin, "leavers", []);
    });

    test("come with a login, too: of the principal's own org, and if they are there", async () => {
      const bot = { ...bob, kind: "service_account", id: "bot" } as const;
      await group(world(), admin, "brought", []);
      await world().bind("group:acme/brought", "ProjectViewer", alpha);
      await world().create(admin, "group", { orgId: "rival", id: "brought" });
      await world().bind("group:rival/brought", "ProjectViewer", alpha);
      expect(await may(world(), { ...bot, groups: ["group:acme/brought"] }, "compute:vms:get")).toBe(true);
      for (const name of ["group:acme/other", "group:rival/brought", "brought"])
        expect(await may(world(), { ...bot, groups: [name] }, "compute:vms:get")).toBe(false);
    });

    test("give nothing that who adds to them lacks, and hold who is denied by them", async () => {
      const denied = { reason: "PERMISSION_DENIED" };
      await group(world(), admin, "admins", []);
      await world().bind("group:acme/admins", "OrgAdmin", acme);
      const permissions = [{ action: "iam:groups:*" }, { action: "compute:vms:get" }];
      await world().create(admin, "role", { ...acme, id: "group-writer", permissions });
      await world().bind("user:acme/dora", "group-writer", acme);
      expect(await faultOf(setMembers(world(), "user:acme/dora", "admins", ["user:acme/dora"]))).toMatchObject(denied);
      await group(world(), "user:acme/dora", "fresh", ["user:acme/dora"]);
      await setMembers(world(), "user:acme/alice", "admins", ["user:acme/dora"]);
      // Now dora holds what the group holds.
      await setMembers(world(), "user:acme/dora", "admins", ["user:acme/dora", "user:acme/bob"]);
      await setMembers(world(), "user:acme/alice", "admins", []);

      await world().create(admin, "role", {
        ...acme,
        id: "no-groups",
        permissions: [{ action: "iam:users:*", effect: 2 }],
      });
      await group(world(), admin, "held", ["user:acme/dora"]);
      await world().bind("group:acme/held", "no-groups", acme);
      expect(await faultOf(setMembers(world(), "user:acme/dora", "held", []))).toMatchObject(denied);
      await setMembers(world(), admin, "held", []);
    });

    test("make their members' credentials worth as much: nobody takes them who has less", async () => {
      await world().create(admin, "user", { ...acme, id: "grown" });
      await group(world(), admin, "grownups", ["user:acme/grown"]);
      await world().bind("group:acme/grownups", "OrgAdmin", acme);
      await world().create(admin, "role", { ...acme, id: "user-writer", permissions: [{ action: "iam:users:*" }] });
      await world().bind("user:acme/bob", "user-writer", acme);
      const update = {
        ...acme,
        id: "grown",
        user: { password: "bob knows this one" },
        updateMask: { paths: ["password"] },
      };
      expect((await faultOf(world().call("user:acme/bob", "user", "update", update))).reason).toBe("PERMISSION_DENIED");
    });
  },
  async (world) => {
    await world.create(admin, "user", { ...acme, id: "dora" });
    await world.bind("user:acme/alice", "OrgAdmin", acme);
  },
);
