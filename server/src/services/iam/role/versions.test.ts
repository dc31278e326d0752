// What a role permitted: each change of its permissions is a version, with who made it, and an earlier one can be had again.
import { create, type Message } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ListRoleVersionsResponseSchema, RoleSchema, RoleVersionSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { onEachDatabase } from "../testing/databases.ts";
import { as, callBy, faultOf, kindOf, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const [get, stop, list] = ["get", "stop", "list"].map((verb) => ({ action: `compute:vms:${verb}` }));

function custom(world: World, who: string, name: string, init: Record<string, unknown>): Promise<Message> {
  const kind = kindOf("role");
  const method = kind.custom.find(({ desc }) => desc.name === name);
  if (method === undefined) throw new Error(`no method ${name}`);
  return world.resources.custom(kind, method, create(method.desc.input, { ...acme, ...init }), callBy(who));
}

function change(world: World, id: string, role: Record<string, unknown>, who = admin): Promise<Message> {
  return world.call(who, "role", "update", { ...acme, id, role, updateMask: { paths: Object.keys(role) } });
}

async function versions(world: World, id: string, init: Record<string, unknown> = {}) {
  const answer = as(ListRoleVersionsResponseSchema, await custom(world, admin, "ListRoleVersions", { id, ...init }));
  const told = answer.versions.map(({ version, author, permissions }) => [
    Number(version),
    author,
    permissions.map(({ action }) => action.split(":").at(-1)).join(),
  ]);
  return { told, next: answer.nextPageToken };
}

onEachDatabase(
  (world) => {
    test("a change of permissions makes a version, a change of labels or of their order does not", async () => {
      await world().create("user:acme/alice", "role", { ...acme, id: "looker", permissions: [get] });
      await change(world(), "looker", { labels: { of: "words" } });
      await change(world(), "looker", { permissions: [get, stop] });
      await change(world(), "looker", { permissions: [stop, get] });
      const made = as(RoleSchema, await change(world(), "looker", { permissions: [list] }));
      expect(made.version).toBe(3n);
      expect((await versions(world(), "looker")).told).toEqual([
        [3, admin, "list"],
        [2, admin, "get,stop"],
        [1, "user:acme/alice", "get"],
      ]);
      const page = await versions(world(), "looker", { pageSize: 2 });
      expect(page).toMatchObject({
        told: [[3], [2]].map(([version]) => [version, expect.anything(), expect.anything()]),
        next: "2",
      });
      expect((await versions(world(), "looker", { pageSize: 2, pageToken: "2" })).told).toHaveLength(1);
      const second = as(
        RoleVersionSchema,
        await custom(world(), admin, "GetRoleVersion", { id: "looker", roleVersion: 2n }),
      );
      expect(second.time).toBeDefined();
      expect(second.permissions).toHaveLength(2);
    });

    test("rolling back makes a new version of an old one's permissions, and gives nothing that the caller lacks", async () => {
      await world().create(admin, "role", { ...acme, id: "back", permissions: [get, stop] });
      await world().bind("user:acme/bob", "back", acme);
      await change(world(), "back", { permissions: [get] });
      const at = { org: "acme", project: "alpha", type: "vm", id: "vm-1" };
      expect(await world().allowed("user:acme/bob", "compute:vms:stop", at)).toBe(false);
      const refused = await faultOf(custom(world(), "user:acme/bob", "RollBackRole", { id: "back", roleVersion: 1n }));
      expect(refused.reason).toBe("PERMISSION_DENIED");
      await custom(world(), admin, "RollBackRole", { id: "back", roleVersion: 1n });
      expect(await world().allowed("user:acme/bob", "compute:vms:stop", at)).toBe(true);
      expect((await versions(world(), "back")).told.map(([version, , verbs]) => [version, verbs])).toEqual([
        [3, "get,stop"],
        [2, "get"],
        [1, "get,stop"],
      ]);
      expect((await faultOf(custom(world(), admin, "RollBackRole", { id: "back", roleVersion: 9n }))).reason).toBe(
        "NOT_FOUND",
      );
    });

    test("a later namesake begins anew", async () => {
      await world().create(admin, "role", { ...acme, id: "again", permissions: [get] });
      await change(world(), "again", { permissions: [stop] });
      await world().call(admin, "role", "delete", { ...acme, id: "again" });
      await world().create(admin, "role", { ...acme, id: "again", permissions: [list] });
      expect((await versions(world(), "again")).told).toEqual([[1, admin, "list"]]);
    });
  },
  async (world) => {
    await world.bind("user:acme/alice", "OrgAdmin", acme);
  },
);
