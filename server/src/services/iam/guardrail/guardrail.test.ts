// Guardrails: for whom they hold, who writes them, and who gets around them.
import { expect, test } from "@jest/globals";
import type { Principal } from "../../kind.ts";
import { bob, group, may, onEachDatabase, setMembers, vm } from "../testing/databases.ts";
import { faultOf, textOf } from "../testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };

onEachDatabase(
  (world) => {
    const write = (who: string, init: Record<string, unknown>) => world().create(who, "guardrail", init);
    const noDelete = [{ action: "compute:vms:delete" }];
    const alice: Principal = { ...bob, id: "alice" };
    const operator: Principal = { ...bob, org: "system", id: "admin" };

    test("hold for administrators, and end with their deletion, both at once", async () => {
      const id = textOf(await write(admin, { ...acme, statements: noDelete }), "id");
      for (const one of [alice, operator]) expect(await may(world(), one, "compute:vms:delete")).toBe(false);
      expect(await may(world(), alice, "compute:vms:get")).toBe(true);
      expect(await may(world(), operator, "compute:vms:delete", { ...vm, org: "rival" })).toBe(true);
      await world().call(admin, "guardrail", "delete", { ...acme, id });
      expect(await may(world(), alice, "compute:vms:delete")).toBe(true);
    });

    test("are written by a distinct permission, which no star stands for", async () => {
      const path = { org: "acme", project: "", type: "guardrail", id: "" };
      expect(await may(world(), alice, "iam:guardrails:create", path)).toBe(false);
      expect(await may(world(), alice, "iam:guardrails:list", path)).toBe(true);
      expect(await may(world(), operator, "iam:guardrails:create", path)).toBe(true);
      expect((await faultOf(world().bind("user:acme/alice", "GuardrailAdmin", acme, "user:acme/alice"))).reason).toBe(
        "PERMISSION_DENIED",
      );
      const role = { ...acme, id: "sneaky", permissions: [{ action: "iam:guardrails:*" }] };
      expect((await faultOf(world().create("user:acme/alice", "role", role))).reason).toBe("PERMISSION_DENIED");
      const id = await world().bind("user:acme/alice", "GuardrailAdmin", acme);
      expect(await may(world(), alice, "iam:guardrails:create", path)).toBe(true);
      await world().call(admin, "role_binding", "delete", { ...acme, id });
    });

    test("exempt by name and by group; who gives the exemption must have it", async () => {
      await group(world(), admin, "exempt", ["user:acme/alice"]);
      const id = textOf(
        await write(admin, { ...acme, statements: noDelete, exemptPrincipals: ["group:acme/exempt"] }),
        "id",
      );
      expect(await may(world(), alice, "compute:vms:delete")).toBe(true);
      await world().bind("user:acme/dora", "OrgAdmin", acme);
      expect(await may(world(), { ...bob, id: "dora" }, "compute:vms:delete")).toBe(false);
      expect(
        (await faultOf(setMembers(world(), "user:acme/dora", "exempt", ["user:acme/alice", "user:acme/dora"]))).reason,
      ).toBe("PERMISSION_DENIED");
      await setMembers(world(), "user:acme/alice", "exempt", ["user:acme/alice", "user:acme/dora"]);
      expect(await may(world(), { ...bob, id: "dora" }, "compute:vms:delete")).toBe(true);
      expect((await faultOf(world().call(admin, "group", "delete", { ...acme, id: "exempt" }))).reason).toBe(
        "STILL_REFERENCED",
      );
      await world().call(admin, "guardrail", "delete", { ...acme, id });
    });

    test("of the system hold everywhere, and never keep from mending them", async () => {
      const id = textOf(await write(admin, { statements: [{ action: "*" }] }), "id");
      expect(await may(world(), operator, "compute:vms:get", { ...vm, org: "rival" })).toBe(false);
      expect(
        await may(world(), operator, "iam:guardrails:delete", { org: "", project: "", type: "guardrail", id }),
      ).toBe(true);
      await world().call(admin, "guardrail", "delete", { id });
      expect(await may(world(), operator, "compute:vms:get", { ...vm, org: "rival" })).toBe(true);
    });

    test("say the field and the column of a condition that is wrong", async () => {
      const statements = [{ action: "compute:*" }, { action: "compute:*", conditions: ["true", "principal.id == 3"] }];
      const fault = await faultOf(write(admin, { ...acme, statements }));
      expect(fault.details.violations?.[0]).toMatchObject({ path: "statements[1].conditions[1]", rule: "cel" });
      expect(fault.details.violations?.[0]?.message).toMatch(/^column 1: no such overload/);
      const unknown = await faultOf(
        write(admin, { ...acme, statements: [{ action: "*", conditions: ["true &&\n  oops"] }] }),
      );
      expect(unknown.details.violations?.[0]?.message).toMatch(/^line 2, column 3: /);
    });
  },
  async (world) => {
    await world.create(admin, "user", { ...acme, id: "dora" });
    await world.bind("user:acme/alice", "OrgAdmin", acme);
  },
);
