// Explain, WhoCan and ListUnusedPermissions: that they say what is decided, and nothing of whom the caller may not ask.
import type { DescMessage } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  AuthorizeRequestSchema,
  ExplainRequestSchema,
  type ExplainResponse,
  ExplainResponseSchema,
  ListUnusedPermissionsRequestSchema,
  ListUnusedPermissionsResponseSchema,
  Outcome,
  Stage,
  TestPermissionsRequestSchema,
  WhoCanRequestSchema,
  WhoCanResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { bob, may, onEachDatabase, vm } from "../testing/databases.ts";
import { as, callBy, faultOf, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alpha = { orgId: "acme", projectId: "alpha" };
const machine = "org/acme/project/alpha/vm/vm-1";

const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

async function explain(world: World, who: string, init: Record<string, unknown>): Promise<ExplainResponse> {
  return as(ExplainResponseSchema, await world.handle("Explain", ExplainRequestSchema, init, callBy(who)));
}

async function whoCan(world: World, who: string, init: Record<string, unknown>) {
  return as(WhoCanResponseSchema, await world.handle("WhoCan", WhoCanRequestSchema, init, callBy(who)));
}

async function unused(world: World, init: Record<string, unknown>) {
  const answer = await world.handle("ListUnusedPermissions", ListUnusedPermissionsRequestSchema, init, callBy(admin));
  return as(ListUnusedPermissionsResponseSchema, answer);
}

onEachDatabase(
  (world) => {
    test("Explain names the statement that decided, its binding, the role's version and the group", async () => {
      const answer = await explain(world(), "user:acme/alice", {
        principal: "user:acme/bob",
        action: "compute:vms:stop",
        resource: machine,
      });
      expect(answer).toMatchObject({ allowed: true, stage: Stage.ALLOWANCE, groups: ["group:acme/ops"] });
      expect(answer.decided).toMatchObject({
        roleId: "stopper",
        roleVersion: 1n,
        group: "group:acme/ops",
        scope: "org/acme/project/alpha",
        action: "compute:vms:stop",
        outcome: Outcome.DECIDED,
      });
      expect(answer.decided?.roleBindingId).toMatch(/^binding-/);
    });

    test("Explain says of each candidate why it did not match", async () => {
      const ask = (action: string, more: Record<string, unknown> = {}) =>
        explain(world(), "user:acme/alice", { principal: "user:acme/bob", action, resource: machine, ...more });
      const start = await ask("compute:vms:start");
      expect(start).toMatchObject({ allowed: false, stage: Stage.DEFAULT });
      expect(start.decided).toBeUndefined();
      expect(start.candidates.map(({ outcome, why }) => [outcome, why])).toEqual(
        expect.arrayContaining([
          [Outcome.CONDITION_FAILED, 'principal.mfa_age < duration("1h") can\'t be evaluated: No such key: mfa_age'],
          [Outcome.OTHER_RESOURCE, ""],
          [Outcome.OTHER_ACTION, ""],
        ]),
      );
      expect((await ask("compute:vms:start", { mfaAge: { seconds: 60n } })).allowed).toBe(true);
      const destroyed = await ask("compute:vms:delete");
      expect(destroyed).toMatchObject({ allowed: false, stage: Stage.GUARDRAIL });
      expect(destroyed.decided?.guardrailId).toMatch(/^guardrail-/);
      const exempt = await explain(world(), admin, {
        principal: "user:acme/alice",
        action: "compute:vms:delete",
        resource: machine,
      });
      expect(exempt.allowed).toBe(true);
      expect(exempt.candidates[0]).toMatchObject({ outcome: Outcome.EXEMPT, stage: Stage.GUARDRAIL });
    });

    test("Explain tells of a narrowed token, and of a boundary", async () => {
      const principal = { ...bob, limits: [{ actions: ["network:*"] }] };
      const request = { action: "compute:vms:stop", resource: machine };
      const narrowed = await world().handle("Explain", ExplainRequestSchema, request, callBy("", { principal }));
      expect(as(ExplainResponseSchema, narrowed)).toMatchObject({ allowed: false, stage: Stage.LIMIT });
      const bounded = await explain(world(), admin, { ...request, principal: "service_account:acme/bot" });
      expect(bounded).toMatchObject({ allowed: false, stage: Stage.BOUNDARY });
    });

    test("Explain and Authorize agree", async () => {
      for (const principal of ["user:acme/alice", "user:acme/bob", "service_account:acme/bot", "user:rival/mallory"])
        for (const action of ["compute:vms:get", "compute:vms:stop", "compute:vms:delete", "iam:guardrails:create"]) {
          const told = await explain(world(), admin, { principal, action, resource: machine });
          const decision = await world().may(principal, action, vm);
          expect({ principal, action, ...told }).toMatchObject({
            allowed: decision.allowed,
            explanation: decision.explanation,
          });
        }
    });

    test("Explain tells nobody of others without the permission, nor an org of what the system gave", async () => {
      const ask = (who: string, principal: string) =>
        explain(world(), who, { principal, action: "compute:vms:get", resource: machine });
      expect((await faultOf(ask("user:acme/bob", "user:acme/alice"))).reason).toBe("PERMISSION_DENIED");
      expect((await faultOf(ask("user:acme/alice", "user:rival/mallory"))).reason).toBe("PERMISSION_DENIED");
      const hidden = await ask("user:acme/alice", "user:acme/carol");
      expect(hidden.allowed).toBe(true);
      expect(hidden.candidates.map(({ scope }) => scope)).toEqual(["org/acme"]);
      expect(hidden.decided).toBeUndefined();
      expect(hidden.explanation).not.toContain("ProjectViewer");
      expect((await ask(admin, "user:acme/carol")).decided?.roleId).toBe("ProjectViewer");
    });

    test("Explain and Authorize tell strangers about themselves nothing of an org that has given them nothing", async () => {
      const there = { action: "compute:vms:delete", resource: machine };
      const never = { ...there, resource: machine.replace("acme", "nowhere") };
      const told = (method: string, schema: DescMessage, init: Record<string, unknown>) =>
        world().handle(method, schema, init, callBy("user:rival/mallory"));
      for (const [method, schema] of [
        ["Explain", ExplainRequestSchema],
        ["Authorize", AuthorizeRequestSchema],
      ] as const) {
        const [known, unknown] = [await told(method, schema, there), await told(method, schema, never)];
        const plain = JSON.stringify(known, bigints).replaceAll("acme", "nowhere");
        expect(plain).toBe(JSON.stringify(unknown, bigints));
        expect(plain).not.toContain("guardrail-");
      }
    });

    test("WhoCan lists people with the binding or the group by which they can, and conditions as they stand", async () => {
      const { holders, scopes } = await whoCan(world(), "user:acme/alice", {
        ...alpha,
        type: "vm",
        id: "vm-1",
        action: "compute:vms:start",
      });
      expect(scopes).toEqual(["org/acme/project/alpha", "org/acme"]);
      expect(holders.map(({ principal }) => principal)).toEqual(["group:acme/ops", "user:acme/alice", "user:acme/bob"]);
      const [, , him] = holders;
      expect(him?.ways).toHaveLength(1);
      expect(him?.ways[0]).toMatchObject({
        roleId: "stopper",
        group: "group:acme/ops",
        onlyIf: ['principal.mfa_age < duration("1h")'],
      });
    });

    test("WhoCan heeds guardrails and boundaries, and pages", async () => {
      const asked = { ...alpha, type: "vm", id: "vm-1" };
      const destroyers = await whoCan(world(), admin, { ...asked, action: "compute:vms:delete" });
      expect(destroyers.holders.map(({ principal }) => principal)).toEqual(["user:acme/alice"]);
      const lookers = await whoCan(world(), admin, { ...asked, action: "compute:vms:get" });
      const all = lookers.holders.map(({ principal }) => principal);
      expect(all).toEqual(expect.arrayContaining(["user:acme/alice", "user:acme/carol", "user:system/admin"]));
      expect(all).not.toContain("service_account:acme/bot");
      const seen = [];
      for (let pageToken = ""; ; ) {
        const page = await whoCan(world(), admin, { ...asked, action: "compute:vms:get", pageSize: 1, pageToken });
        expect(page.holders).toHaveLength(1);
        seen.push(...page.holders.map(({ principal }) => principal));
        if (page.nextPageToken === "") break;
        pageToken = page.nextPageToken;
      }
      expect(seen).toEqual(all);
    });

    test("ListUnusedPermissions tells what a binding gives that nobody used through it", async () => {
      const method = "plasmavmc.v1.VmService/StopVm";
      expect((await unused(world(), alpha)).grants.find(({ roleId }) => roleId === "stopper")?.unused).toEqual([
        "compute:vms:start",
        "compute:vms:stop",
      ]);
      // Asking uses nothing; calling does.
      await may(world(), bob, "compute:vms:start", vm, { sourceIp: "" });
      const tested = { ...alpha, permissions: ["compute:vms:stop"] };
      const held = await world().handle(
        "TestPermissions",
        TestPermissionsRequestSchema,
        tested,
        callBy("user:acme/bob"),
      );
      expect(held).toMatchObject({ permissions: ["compute:vms:stop"] });
      expect((await unused(world(), alpha)).grants.find(({ roleId }) => roleId === "stopper")?.unused).toHaveLength(2);
      expect(await may(world(), bob, "compute:vms:stop", vm, { method })).toBe(true);
      const report = await unused(world(), alpha);
      const grant = report.grants.find(({ roleId }) => roleId === "stopper");
      expect(grant).toMatchObject({ principal: "group:acme/ops", granted: 2, unused: ["compute:vms:start"] });
      expect(grant?.lastUseTime).toBeDefined();
      expect(report.notedSince).toBeDefined();
    });
  },
  async (world) => {
    await world.bind("user:acme/alice", "OrgAdmin", acme);
    await world.create(admin, "user", { ...acme, id: "carol" });
    await world.bind("user:acme/carol", "ProjectViewer", {});
    await world.create(admin, "group", { ...acme, id: "ops", members: ["user:acme/bob"] });
    const permissions = [
      { action: "compute:vms:stop" },
      { action: "compute:vms:start", conditions: ['principal.mfa_age < duration("1h")'] },
      { action: "compute:vms:start", resourcePattern: "org/acme/project/beta/vm/*" },
    ];
    await world.create(admin, "role", { ...acme, id: "stopper", permissions });
    await world.bind("group:acme/ops", "stopper", alpha);
    const statements = [{ action: "compute:vms:delete" }];
    await world.create(admin, "guardrail", { ...acme, statements, exemptPrincipals: ["user:acme/alice"] });
    await world.create(admin, "role", { ...acme, id: "network-only", permissions: [{ action: "network:*" }] });
    const update = { ...acme, id: "bot", serviceAccount: { permissionBoundaryRoleId: "network-only" } };
    await world.call(admin, "service_account", "update", {
      ...update,
      updateMask: { paths: ["permission_boundary_role_id"] },
    });
    await world.bind("service_account:acme/bot", "ProjectMember", alpha);
  },
);
