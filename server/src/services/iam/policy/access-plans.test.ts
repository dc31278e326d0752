// What plans tell of who may do more or less, and that they are right: what is told is what is decided after the change.
import { describe, expect, test } from "@jest/globals";
import { Effect } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { bob, may, onEachDatabase, vm } from "../testing/databases.ts";
import { faultOf, textOf, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alice = { ...bob, id: "alice" };
const alpha = { orgId: "acme", projectId: "alpha" };
const scope = "org/acme/project/alpha";

/** The access that a plan tells of, without what the wire adds. */
async function planned(world: World, noun: string, field: string, init: Record<string, unknown>): Promise<unknown> {
  const { paths, resource, ...at } = init;
  const answer = await world.call(admin, noun, "plan", {
    ...at,
    [field]: resource,
    ...(Array.isArray(paths) && { updateMask: { paths } }),
  });
  const changes: unknown = Reflect.get(answer, "changes");
  const [first] = Array.isArray(changes) ? changes : [];
  const access: unknown = Reflect.get(Object(first), "access");
  return (Array.isArray(access) ? access : []).map((one) => {
    const { $typeName: _, ...rest } = Object(one);
    return rest;
  });
}

onEachDatabase(
  (world) => {
    test("of a binding: what it gives, to each member of a group", async () => {
      const resource = { ...alpha, principal: "group:acme/ops", roleId: "stopper" };
      const gives = ["compute:vms:start (in part)", "compute:vms:stop"];
      expect(await planned(world(), "role_binding", "roleBinding", { ...alpha, resource })).toEqual([
        { principal: "group:acme/ops", scope, gives, takes: [] },
        { principal: "user:acme/bob", scope, gives, takes: [] },
      ]);
      expect(await may(world(), bob, "compute:vms:stop", { ...vm, project: "beta" })).toBe(false);
    });

    test("of a role: what changes for those who are bound to it", async () => {
      const paths = ["permissions"];
      const resource = { permissions: [{ action: "compute:vms:stop" }, { action: "compute:vms:reset" }] };
      expect(await planned(world(), "role", "role", { ...acme, id: "bound", resource, paths })).toEqual([
        {
          principal: "user:acme/alice",
          scope,
          gives: ["compute:vms:reset"],
          takes: ["compute:vms:get", "compute:vms:list"],
        },
      ]);
      expect(
        await planned(world(), "role", "role", {
          ...acme,
          id: "bound",
          resource: { description: "x" },
          paths: ["description"],
        }),
      ).toEqual([]);
    });

    test("of a group: who comes and who goes", async () => {
      const resource = { members: ["user:acme/alice"] };
      expect(await planned(world(), "group", "group", { ...acme, id: "bound", resource, paths: ["members"] })).toEqual([
        {
          principal: "service_account:acme/bot",
          scope,
          gives: [],
          takes: ["compute:vms:start (in part)", "compute:vms:stop"],
        },
        // She has the one by a binding of her own.
        { principal: "user:acme/alice", scope, gives: ["compute:vms:start (in part)"], takes: [] },
      ]);
    });

    test("of a guardrail: what nobody may do any more, and the exempt still may", async () => {
      const statements = [{ action: "compute:vms:stop" }];
      const resource = { ...alpha, statements, exemptPrincipals: ["user:acme/alice"] };
      expect(await planned(world(), "guardrail", "guardrail", { ...alpha, resource })).toEqual([
        { principal: "group:acme/bound", scope, gives: [], takes: ["compute:vms:stop"] },
        { principal: "service_account:acme/bot", scope, gives: [], takes: ["compute:vms:stop"] },
      ]);
    });

    test("of a boundary: what its bearer may no more, where it was given; and of the role that is one", async () => {
      const bounding = { ...acme, id: "bot", resource: { permissionBoundaryRoleId: "bound" } };
      const paths = ["permission_boundary_role_id"];
      const bot = "service_account:acme/bot";
      expect(await planned(world(), "service_account", "serviceAccount", { ...bounding, paths })).toEqual([
        { principal: bot, scope, gives: [], takes: ["compute:vms:start (in part)"] },
      ]);
      const update = { ...acme, id: "bot", serviceAccount: bounding.resource, updateMask: { paths } };
      await world().call(admin, "service_account", "update", update);
      const narrower = { permissions: [{ action: "compute:vms:get" }] };
      const role = { ...acme, id: "bound", resource: narrower, paths: ["permissions"] };
      expect(await planned(world(), "role", "role", role)).toContainEqual({
        principal: bot,
        scope,
        gives: [],
        takes: ["compute:vms:stop"],
      });
      const none = { ...update, serviceAccount: { permissionBoundaryRoleId: undefined } };
      await world().call(admin, "service_account", "update", none);
    });

    describe("of a deletion", () => {
      const without = (noun: string, at: Record<string, unknown>) =>
        planned(world(), noun, "deletion", { ...at, resource: true });

      test("of a binding: what it gave, and what other bindings still give", async () => {
        const id = await world().bind("user:acme/alice", "stopper", alpha);
        expect(await without("role_binding", { ...alpha, id })).toEqual([
          { principal: "user:acme/alice", scope, gives: [], takes: ["compute:vms:start (in part)"] },
        ]);
        await world().call(admin, "role_binding", "delete", { ...alpha, id });
      });

      test("of a binding that denies: what it kept back", async () => {
        const permissions = [{ action: "compute:vms:get", effect: Effect.DENY }];
        await world().create(admin, "role", { ...acme, id: "blind", permissions });
        const id = await world().bind("user:acme/alice", "blind", alpha);
        expect(await without("role_binding", { ...alpha, id })).toEqual([
          { principal: "user:acme/alice", scope, gives: ["compute:vms:get"], takes: [] },
        ]);
        await world().call(admin, "role_binding", "delete", { ...alpha, id });
      });

      test("of a role, though a binding that names it must go first", async () => {
        expect(await without("role", { ...acme, id: "bound" })).toEqual([
          {
            principal: "user:acme/alice",
            scope,
            gives: [],
            takes: ["compute:vms:get", "compute:vms:list", "compute:vms:stop"],
          },
        ]);
      });

      test("of a group: what its members had by it", async () => {
        expect(await without("group", { ...acme, id: "bound" })).toEqual([
          {
            principal: "service_account:acme/bot",
            scope,
            gives: [],
            takes: ["compute:vms:start (in part)", "compute:vms:stop"],
          },
        ]);
      });

      test("of a guardrail, which gives in the scopes below, too", async () => {
        const statements = [{ action: "compute:vms:stop" }];
        const guardrail = await world().create(admin, "guardrail", { ...acme, statements });
        const gives = ["compute:vms:stop"];
        expect(await without("guardrail", { ...acme, id: textOf(guardrail, "id") })).toEqual(
          ["group:acme/bound", "service_account:acme/bot", "user:acme/alice"].map((principal) => ({
            principal,
            scope,
            gives,
            takes: [],
          })),
        );
        expect(await may(world(), alice, "compute:vms:stop", vm)).toBe(false);
        await world().call(admin, "guardrail", "delete", { ...acme, id: textOf(guardrail, "id") });
        expect(await may(world(), alice, "compute:vms:stop", vm)).toBe(true);
      });

      test("of a boundary: what it kept back", async () => {
        const paths = ["permission_boundary_role_id"];
        const update = (permissionBoundaryRoleId: string | undefined) => ({
          ...acme,
          id: "bot",
          serviceAccount: { permissionBoundaryRoleId },
          updateMask: { paths },
        });
        await world().call(admin, "service_account", "update", update("bound"));
        expect(
          await planned(world(), "service_account", "serviceAccount", { ...acme, id: "bot", resource: {}, paths }),
        ).toEqual([
          { principal: "service_account:acme/bot", scope, gives: ["compute:vms:start (in part)"], takes: [] },
        ]);
        await world().call(admin, "service_account", "update", update(undefined));
      });

      test("of a service account: all that it has", async () => {
        expect(await without("service_account", { ...acme, id: "bot" })).toEqual([
          {
            principal: "service_account:acme/bot",
            scope,
            gives: [],
            takes: ["compute:vms:start (in part)", "compute:vms:stop"],
          },
        ]);
      });

      test("changes nothing: what is decided stays, and the resource is there", async () => {
        const before = await world().store.head();
        const id = await world().bind("user:acme/bob", "stopper", alpha);
        for (let times = 0; times < 3; times += 1) await without("role_binding", { ...alpha, id });
        expect(await may(world(), bob, "compute:vms:stop", vm)).toBe(true);
        expect(await world().store.head()).not.toBe(before);
        await world().call(admin, "role_binding", "delete", { ...alpha, id });
        expect(await may(world(), bob, "compute:vms:stop", vm)).toBe(false);
      });

      test("of what can't be deleted, is missing or is another org's is refused as the call is", async () => {
        expect((await faultOf(without("role", { id: "SystemAdmin" }))).reason).toBe("BUILT_IN");
        const missing = await faultOf(without("group", { orgId: "rival", id: "none" }));
        const foreign = await faultOf(without("group", { orgId: "rival", id: "bound" }));
        expect(foreign.message).toBe(missing.message.replace("none", "bound"));
        expect((await faultOf(without("group", acme))).reason).toBe("INVALID_FIELDS");
      });
    });

    test("of a guardrail of the org, or of the system: what is taken in each scope below", async () => {
      const statements = [{ action: "compute:vms:get" }];
      const takes = [{ principal: "user:acme/alice", scope, gives: [], takes: ["compute:vms:get"] }];
      for (const at of [acme, {}])
        expect(await planned(world(), "guardrail", "guardrail", { ...at, resource: { ...at, statements } })).toEqual(
          expect.arrayContaining(takes),
        );
    });

    test("of more than are looked at: says how many", async () => {
      const members: string[] = [];
      for (let nth = 0; nth < 205; nth += 1) {
        await world().create(admin, "user", { ...acme, id: `many-${nth}` });
        members.push(`user:acme/many-${nth}`);
      }
      await world().create(admin, "group", { ...acme, id: "many", members });
      const resource = { ...alpha, principal: "group:acme/many", roleId: "stopper" };
      const access = await planned(world(), "role_binding", "roleBinding", { ...alpha, resource });
      const notes = ["and 180 more", "and 6 more principals that were not looked at"];
      expect(access).toHaveLength(22);
      expect(access).toMatchObject([...Array(20).fill({ scope }), ...notes.map((principal) => ({ principal }))]);
    });

    test("of many permissions: fifty by name, and their number", async () => {
      const resource = { ...alpha, principal: "user:acme/bob", roleId: "ProjectAdmin" };
      const access = await planned(world(), "role_binding", "roleBinding", { ...alpha, resource });
      expect(access).toMatchObject([
        { principal: "user:acme/bob", gives: expect.arrayContaining([expect.stringMatching(/^and \d+ more$/)]) },
      ]);
    });
  },
  async (world) => {
    await world.create(admin, "group", { ...acme, id: "ops", members: ["user:acme/bob"] });
    await world.create(admin, "group", { ...acme, id: "bound", members: ["service_account:acme/bot"] });
    const conditions = ['principal.mfa_age < duration("1h")'];
    const permissions = [{ action: "compute:vms:stop" }, { action: "compute:vms:start", conditions }];
    await world.create(admin, "role", { ...acme, id: "stopper", permissions });
    await world.bind("group:acme/bound", "stopper", alpha);
    const looking = ["get", "list", "stop"].map((verb) => ({ action: `compute:vms:${verb}` }));
    await world.create(admin, "role", { ...acme, id: "bound", permissions: looking });
    await world.bind("user:acme/alice", "bound", alpha);
  },
);
