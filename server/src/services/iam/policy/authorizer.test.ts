import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openWorld, type World } from "../testing/world.ts";

describe("authorize()", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  test("allows nothing without a binding, and says so", async () => {
    const decision = await world.may("user:acme/bob", "compute:vms:get", { org: "acme", project: "alpha", type: "vm" });
    expect(decision.allowed).toBe(false);
    expect(decision.explanation).toBe(
      "No role of user:acme/bob at org/acme/project/alpha/vm or above allows compute:vms:get.",
    );
  });

  test("gives the first administrator everything, everywhere", async () => {
    expect(await world.allowed("user:system/admin", "iam:orgs:create", { type: "org" })).toBe(true);
    expect(await world.allowed("user:system/admin", "compute:vms:get", { org: "rival", project: "alpha" })).toBe(true);
  });

  test("sees a binding right after it was made, and no longer right after it was deleted", async () => {
    const path = { org: "acme", project: "alpha", type: "vpc" };
    const id = await world.bind("user:acme/bob", "ProjectMember", { orgId: "acme", projectId: "alpha" });
    const decision = await world.may("user:acme/bob", "network:vpcs:create", path);
    expect(decision).toMatchObject({ allowed: true, roleId: "ProjectMember", roleBindingId: id });
    expect(await world.allowed("user:acme/bob", "network:vpcs:create", { ...path, project: "beta" })).toBe(false);
    await world.call("user:system/admin", "role_binding", "delete", { orgId: "acme", projectId: "alpha", id });
    expect(await world.allowed("user:acme/bob", "network:vpcs:create", path)).toBe(false);
  });

  test("inherits an org's bindings in its projects alone", async () => {
    await world.bind("user:acme/alice", "ProjectViewer", { orgId: "acme" });
    for (const project of ["alpha", "beta"])
      expect(
        await world.allowed("user:acme/alice", "compute:vms:get", { org: "acme", project, type: "vm", id: "vm-1" }),
      ).toBe(true);
    expect(
      await world.allowed("user:acme/alice", "compute:vms:delete", { org: "acme", project: "alpha", type: "vm" }),
    ).toBe(false);
    expect(
      await world.allowed("user:acme/alice", "compute:vms:get", { org: "rival", project: "alpha", type: "vm" }),
    ).toBe(false);
  });

  test("refuses a project's token outside of the project, whatever its principal may do", async () => {
    const principal = { kind: "user", org: "system", id: "admin", project: "alpha", sessionId: "" } as const;
    const path = { org: "acme", project: "alpha", type: "vm", id: "" };
    const context = { sourceIp: "", attributes: async () => ({}) };
    const decision = await world.iam.authorizer.authorize(principal, "compute:vms:get", path, context);
    expect(decision.allowed).toBe(false);
  });
});

describe("conditions", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
    const permissions = [
      { action: "compute:vms:*", conditions: ["resource.owner == principal.id"] },
      { action: "compute:images:get", conditions: ['resource.labels.env == "dev"'] },
      {
        action: "network:vpcs:list",
        conditions: ['request.source_ip.inNetwork("10.0.0.0/8")', "request.time.getFullYear() > 2000"],
      },
      { action: "network:*", effect: 2, conditions: ['resource.labels.locked == "yes"'] },
      { action: "network:ports:*" },
    ];
    await world.create("user:system/admin", "role", { orgId: "acme", id: "careful", permissions });
    await world.bind("user:acme/bob", "careful", { orgId: "acme" });
  });
  afterAll(() => world.close());
  const bob = "user:acme/bob";
  const at = { org: "acme", project: "alpha", type: "x", id: "x-1" };

  test.each([
    ["compute:vms:stop", { owner: "bob" }, "192.0.2.1", true],
    ["compute:vms:stop", { owner: "alice" }, "192.0.2.1", false],
    ["compute:vms:stop", {}, "192.0.2.1", false],
    ["compute:images:get", { "labels.env": "dev" }, "192.0.2.1", true],
    ["compute:images:get", { "labels.env": "prod" }, "192.0.2.1", false],
    ["network:vpcs:list", { "labels.locked": "no" }, "10.1.2.3", true],
    ["network:vpcs:list", { "labels.locked": "no" }, "192.0.2.1", false],
    ["network:ports:get", { "labels.locked": "no" }, "192.0.2.1", true],
    ["network:ports:get", { "labels.locked": "yes" }, "192.0.2.1", false],
  ])("%s with %j from %s is allowed: %s", async (action, attributes, sourceIp, expected) => {
    expect((await world.may(bob, action, at, attributes, sourceIp)).allowed).toBe(expected);
  });

  test("a denial holds where its condition can't be evaluated", async () => {
    expect((await world.may(bob, "network:ports:get", at)).allowed).toBe(false);
  });
});
