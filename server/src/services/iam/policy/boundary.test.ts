// What bounds a principal: what it takes away, and who may change it.
import { expect, test } from "@jest/globals";
import type { Principal } from "../../kind.ts";
import { may, onEachDatabase } from "../testing/databases.ts";
import { faultOf } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };

onEachDatabase(
  (world) => {
    const bounded = (id: string, role: string | undefined, who = admin) =>
      world().call(who, "service_account", "update", {
        ...acme,
        id,
        serviceAccount: role === undefined ? {} : { permissionBoundaryRoleId: role },
        updateMask: { paths: ["permission_boundary_role_id"] },
      });
    let made = 0;
    /** A service account with everything in the org, and what bounds it. */
    const account = async (permissionBoundaryRoleId?: string): Promise<Principal> => {
      const id = `bot-${++made}`;
      await world().create(admin, "service_account", {
        ...acme,
        id,
        ...(permissionBoundaryRoleId && { permissionBoundaryRoleId }),
      });
      await world().bind(`service_account:acme/${id}`, "OrgAdmin", acme);
      return { kind: "service_account", org: "acme", id, project: "", sessionId: "" };
    };

    test("cuts what roles allow, at once", async () => {
      const bot = await account();
      expect(await may(world(), bot, "compute:vms:delete")).toBe(true);
      await bounded(bot.id, "ProjectViewer");
      expect(await may(world(), bot, "compute:vms:delete")).toBe(false);
      expect(await may(world(), bot, "compute:vms:get")).toBe(true);
      await bounded(bot.id, undefined);
      expect(await may(world(), bot, "compute:vms:delete")).toBe(true);
    });

    test("is not changed by who is bounded, nor by who has less than it would have then", async () => {
      const bot = await account("ProjectViewer");
      for (const who of [`service_account:acme/${bot.id}`, "user:acme/bob"])
        expect((await faultOf(bounded(bot.id, undefined, who))).reason).toBe("PERMISSION_DENIED");
      await bounded(bot.id, undefined, "user:acme/alice");
    });

    test("bounds what can be given, too", async () => {
      const who = `service_account:acme/${(await account("ProjectViewer")).id}`;
      const role = { ...acme, id: "deleter", permissions: [{ action: "compute:vms:delete" }] };
      expect((await faultOf(world().create(who, "role", role))).reason).toBe("PERMISSION_DENIED");
      await world().create(who, "role", { ...role, permissions: [{ action: "compute:vms:get" }] });
    });

    test("keeps its role from being deleted", async () => {
      await world().create(admin, "role", { ...acme, id: "bounds", permissions: [{ action: "network:*" }] });
      const bot = await account("bounds");
      expect(await may(world(), bot, "compute:vms:get")).toBe(false);
      expect((await faultOf(world().call(admin, "role", "delete", { ...acme, id: "bounds" }))).reason).toBe(
        "STILL_REFERENCED",
      );
    });

    test("that is of a foreign org is refused as one that is not there", async () => {
      const { id } = await account();
      await world().create(admin, "role", { orgId: "rival", id: "theirs", permissions: [{ action: "*" }] });
      const words = [];
      for (const role of ["theirs", "nowhere"]) {
        const [violation] = (await faultOf(bounded(id, role))).details.violations ?? [];
        words.push({ ...violation, message: violation?.message.replaceAll(role, "") });
      }
      expect(words[0]).toEqual(words[1]);
    });
  },
  async (world) => {
    await world.bind("user:acme/alice", "OrgAdmin", acme);
  },
);
