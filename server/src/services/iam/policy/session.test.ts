// What a session brings and takes away: limits, the age of a second factor, groups and the method that is called.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import type { ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { bob, group, may, onEachDatabase, vm } from "../testing/databases.ts";
import { callBy, faultOf, kindOf } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alpha = { orgId: "acme", projectId: "alpha" };

onEachDatabase(
  (world) => {
    const who: Principal = { ...bob, id: "fay" };
    test.each<[string, string, Principal["limits"], Partial<ResourcePath>, boolean]>([
      ["its actions", "compute:vms:get", [{ actions: ["compute:vms:get"] }], {}, true],
      ["other actions", "compute:vms:stop", [{ actions: ["compute:vms:get"] }], {}, false],
      ["one resource", "compute:vms:get", [{ actions: ["*"], resource: "org/acme/project/alpha/vm/vm-1" }], {}, true],
      ["another one", "compute:vms:get", [{ actions: ["*"], resource: "org/acme/project/alpha/vm/vm-2" }], {}, false],
      // A list shows what is not the one.
      [
        "one, by a list",
        "compute:vms:list",
        [{ actions: ["*"], resource: "org/acme/project/alpha/vm/vm-1" }],
        { id: "" },
        false,
      ],
      [
        "all of a type, by a list",
        "compute:vms:list",
        [{ actions: ["*"], resource: "org/acme/project/alpha/vm/*" }],
        { id: "" },
        true,
      ],
      ["all of two limits", "compute:vms:get", [{ actions: ["compute:*"] }, { actions: ["*:*:get"] }], {}, true],
      ["one of two limits", "compute:vms:stop", [{ actions: ["compute:*"] }, { actions: ["*:*:get"] }], {}, false],
      ["none of its roles'", "iam:users:create", [{ actions: ["*"] }], { type: "user", id: "" }, false],
    ])("limits: %s", async (_, action, limits, path, expected) => {
      expect(await may(world(), { ...who, ...(limits && { limits }) }, action, { ...vm, ...path })).toBe(expected);
    });

    test("a narrowed token gives nothing that it can't do", async () => {
      const kind = kindOf("role");
      const init = { ...acme, id: "narrow", permissions: [{ action: "compute:vms:get" }] };
      const make = (limits: Principal["limits"]) => {
        const principal = { ...bob, id: "alice", ...(limits && { limits }) };
        const request = create(kind.standard.create.desc.input, init);
        return world().resources.unary(kind, "create", request, callBy("", { principal }));
      };
      expect((await faultOf(make([{ actions: ["iam:*"] }]))).reason).toBe("PERMISSION_DENIED");
      await make([{ actions: ["iam:*", "compute:*"] }]);
    });

    test("the age of a second factor: undefined, an allowance fails and a denial holds", async () => {
      const permissions = [
        { action: "compute:vms:delete", conditions: ['principal.mfa_age < duration("1h")'] },
        { action: "compute:vms:stop" },
        { action: "compute:vms:stop", effect: 2, conditions: ['principal.mfa_age > duration("1h")'] },
        { action: "compute:vms:start", conditions: ["!has(principal.mfa_age)"] },
        { action: "compute:vms:get", conditions: ['"group:acme/seen" in principal.groups'] },
        { action: "compute:vms:list", conditions: ['request.method.endsWith("/ListVms")'] },
      ];
      await world().create(admin, "role", { ...acme, id: "careful", permissions });
      await group(world(), admin, "seen", []);
      await world().create(admin, "user", { ...acme, id: "mia" });
      await world().bind("user:acme/mia", "careful", acme);
      const mia: Principal = { ...bob, id: "mia" };
      const [fresh, old] = [
        { ...mia, mfaAt: Date.now() - 60_000 },
        { ...mia, mfaAt: Date.now() - 7_200_000 },
      ];
      const table: readonly (readonly [Principal, string, boolean])[] = [
        [fresh, "compute:vms:delete", true],
        [old, "compute:vms:delete", false],
        [mia, "compute:vms:delete", false],
        [fresh, "compute:vms:stop", true],
        [old, "compute:vms:stop", false],
        [mia, "compute:vms:stop", false],
        [mia, "compute:vms:start", true],
        [fresh, "compute:vms:start", false],
        [mia, "compute:vms:get", false],
        [{ ...mia, groups: ["group:acme/seen"] }, "compute:vms:get", true],
      ];
      for (const [principal, action, expected] of table)
        expect({ action, allowed: await may(world(), principal, action) }).toEqual({ action, allowed: expected });
      expect(await may(world(), mia, "compute:vms:list", vm)).toBe(false);
      expect(await may(world(), mia, "compute:vms:list", vm, { method: "plasmavmc.v1.VmService/ListVms" })).toBe(true);
    });
  },
  async (world) => {
    await world.create(admin, "user", { ...acme, id: "fay" });
    await world.bind("user:acme/fay", "ProjectMember", alpha);
    await world.bind("user:acme/alice", "OrgAdmin", acme);
  },
);
