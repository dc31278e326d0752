// The admission rules of IAM's kinds, on the real handler: what is refused, in which words, and that nobody gives what they lack.

import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { callBy, faultOf, kindOf, openWorld, textOf, type World } from "./testing/world.ts";

const admin = "user:system/admin";
const acme = { orgId: "acme" };
const alpha = { orgId: "acme", projectId: "alpha" };
let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.bind("user:acme/alice", "OrgAdmin", acme);
  await world.bind("user:acme/bob", "ProjectAdmin", alpha);
});
afterAll(() => world.close());

describe("ids", () => {
  test.each([
    ["org", { id: "system" }],
    ["org", { id: "engine" }],
    ["project", { ...acme, id: "system" }],
    ["user", { ...acme, id: "system" }],
    ["service_account", { ...acme, id: "engine" }],
  ])("a new %s %j is refused: the id is reserved", async (noun, init) => {
    const fault = await faultOf(world.create(admin, noun, init));
    expect(fault.details.violations).toEqual([
      { path: "id", rule: "reserved", message: expect.stringContaining("choose another") },
    ]);
  });

  test("a user and a service account of an org can't have the same id", async () => {
    const fault = await faultOf(world.create(admin, "service_account", { ...acme, id: "alice" }));
    expect(fault).toMatchObject({
      reason: "ALREADY_EXISTS",
      details: { violations: [{ path: "id", rule: "unique" }] },
    });
    expect((await faultOf(world.create(admin, "user", { ...acme, id: "bot" }))).reason).toBe("ALREADY_EXISTS");
    await world.create(admin, "user", { orgId: "rival", id: "bot" });
  });

  test("a resource without a name is called by its id", async () => {
    expect(await world.call(admin, "project", "get", { ...acme, id: "alpha" })).toMatchObject({ name: "alpha" });
  });
});

describe("users", () => {
  test("their passwords are answered to nobody and stored as argon2id", async () => {
    const password = "a password of dave's";
    const user = await world.create(admin, "user", { ...acme, id: "dave", password });
    expect(Reflect.get(user, "password")).toBeUndefined();
    const row = await world.store.get({ tenant: { org: "acme", project: "" }, kind: "iam.v1.User", id: "dave" });
    expect(Buffer.from(row?.secret ?? []).toString()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(Buffer.from(row?.data ?? []).toString("latin1")).not.toContain(password);
  });

  test("can't be deleted while a binding speaks of them", async () => {
    await world.create(admin, "user", { ...acme, id: "erin" });
    const id = await world.bind("user:acme/erin", "ProjectViewer", alpha);
    const fault = await faultOf(world.call(admin, "user", "delete", { ...acme, id: "erin" }));
    expect(fault.reason).toBe("STILL_REFERENCED");
    await world.call(admin, "role_binding", "delete", { ...alpha, id });
    await world.call(admin, "user", "delete", { ...acme, id: "erin" });
    await world.create(admin, "user", { ...acme, id: "erin" });
    expect(
      await world.allowed("user:acme/erin", "compute:vms:get", { org: "acme", project: "alpha", type: "vm" }),
    ).toBe(false);
  });
});

describe("service account keys", () => {
  test("must expire in the future", async () => {
    const expireTime = { seconds: 1n, nanos: 0 };
    const fault = await faultOf(
      world.create(admin, "service_account_key", { ...acme, serviceAccountId: "bot", expireTime }),
    );
    expect(fault.details.violations?.[0]).toMatchObject({ path: "expire_time", rule: "future" });
  });

  test("are not made for an account that may do more than their maker", async () => {
    await world.create(admin, "service_account", { ...acme, id: "strong" });
    await world.bind("service_account:acme/strong", "SystemAdmin", {});
    const key = { ...acme, serviceAccountId: "strong" };
    expect((await faultOf(world.create("user:acme/alice", "service_account_key", key))).reason).toBe(
      "PERMISSION_DENIED",
    );
    expect(textOf(await world.create(admin, "service_account_key", key), "secret")).toMatch(/^pck_/);
  });

  test("keep their account from being deleted, and are at most 20", async () => {
    await world.create(admin, "service_account", { ...acme, id: "keyed" });
    const key = { ...acme, serviceAccountId: "keyed" };
    for (let made = 0; made < 20; made += 1) await world.create(admin, "service_account_key", key);
    expect((await faultOf(world.create(admin, "service_account_key", key))).reason).toBe("WRONG_STATE");
    const fault = await faultOf(world.call(admin, "service_account", "delete", { ...acme, id: "keyed" }));
    expect(fault.reason).toBe("STILL_REFERENCED");
  });
});

describe("roles", () => {
  test.each([
    [{ action: "compute:vm*:get" }, "permissions[0].action", "pattern"],
    [{ action: "compute:vms" }, "permissions[0].action", "pattern"],
    [{ action: "*", resourcePattern: "org//vm" }, "permissions[0].resource_pattern", "pattern"],
    [{ action: "*", resourcePattern: "a/b/c/d/e/f/g" }, "permissions[0].resource_pattern", "pattern"],
    [{ action: "*", conditions: ["true", "principal.nope == 1"] }, "permissions[0].conditions[1]", "cel"],
    [{ action: "*", conditions: ["resource.name"] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ['resource.nmae == "a"'] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ["resource.labels.env == 3"] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ["("] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ['resource.name.matches("(a+)+")'] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ["[1].all(a, [2].all(b, a < b))"] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: ['cel.bind(x, "a", x == x)'] }, "permissions[0].conditions[0]", "cel"],
    [{ action: "*", conditions: [`"${"x".repeat(1_024)}" == ""`] }, "permissions[0].conditions[0]", "size"],
    [
      {
        action: "*",
        conditions: [`resource.labels.all(k, ${Array(8).fill('resource.labels[k].contains("a")').join(" || ")})`],
      },
      "permissions[0].conditions[0]",
      "cel",
    ],
    [{ action: "*", conditions: [`size([${"1,".repeat(64)}1]) > 0`] }, "permissions[0].conditions[0]", "cel"],
  ])("%j is refused at %s (%s)", async (permission, path, rule) => {
    const fault = await faultOf(world.create(admin, "role", { ...acme, id: "bad", permissions: [permission] }));
    expect(fault.details.violations).toContainEqual({ path, rule, message: expect.any(String) });
  });

  test("have at most 64 conditions in all", async () => {
    const permissions = Array.from({ length: 5 }, () => ({ action: "*", conditions: Array<string>(13).fill("true") }));
    const fault = await faultOf(world.create(admin, "role", { ...acme, id: "bad", permissions }));
    expect(fault.details.violations).toEqual([{ path: "permissions", rule: "size", message: expect.any(String) }]);
  });

  test("that came with the cloud can't be changed or deleted", async () => {
    const update = { id: "SystemAdmin", role: { description: "mine" }, updateMask: { paths: ["description"] } };
    expect((await faultOf(world.call(admin, "role", "update", update))).reason).toBe("BUILT_IN");
    expect((await faultOf(world.call(admin, "role", "delete", { id: "ProjectViewer" }))).reason).toBe("BUILT_IN");
  });

  test("are seen from the scopes below theirs, and can't take the id of one above", async () => {
    const role = { id: "storage-operator", permissions: [{ action: "storage:*" }] };
    await world.create(admin, "role", { ...acme, ...role });
    await world.bind("user:acme/alice", "storage-operator", alpha);
    expect((await faultOf(world.create(admin, "role", { ...alpha, ...role }))).reason).toBe("ALREADY_EXISTS");
    const foreign = await faultOf(world.bind("user:rival/mallory", "storage-operator", { orgId: "rival" }));
    expect(foreign.details.violations?.[0]).toMatchObject({ path: "role_id", rule: "unknown_reference" });
    expect((await faultOf(world.call(admin, "role", "delete", { ...acme, id: role.id }))).reason).toBe(
      "STILL_REFERENCED",
    );
  });

  test("are planned with values that are not known yet", async () => {
    const kind = kindOf("role");
    const role = { ...acme, id: "planned", permissions: [{ action: "compute:vms:get", conditions: [""] }] };
    const request = create(kind.standard.plan.desc.input, { ...acme, role, unknownPaths: ["permissions"] });
    await world.resources.unary(kind, "plan", request, callBy(admin));
  });
});

describe("nobody gives what they do not have", () => {
  const denied = { reason: "PERMISSION_DENIED" };

  test.each([
    ["a project's administrator can't bind OrgAdmin in its project", "OrgAdmin", alpha],
    ["a project's administrator can't bind anything in the org", "ProjectViewer", acme],
    ["a project's administrator can't bind anything in a sibling", "ProjectViewer", { ...acme, projectId: "beta" }],
    ["a project's administrator can't bind anything in the system", "ProjectViewer", {}],
  ])("%s", async (_, role, where) => {
    const fault = await faultOf(world.bind("user:acme/bob", role, where, "user:acme/bob"));
    expect(["PERMISSION_DENIED", "INVALID_FIELDS"]).toContain(fault.reason);
  });

  test("a project's administrator binds what it has", async () => {
    for (const role of ["ProjectAdmin", "ProjectMember", "ProjectViewer"])
      await world.bind("service_account:acme/bot", role, alpha, "user:acme/bob");
  });

  test("nor in a role of their own", async () => {
    const role = { ...alpha, id: "more", permissions: [{ action: "network:*" }, { action: "iam:users:create" }] };
    expect(await faultOf(world.create("user:acme/bob", "role", role))).toMatchObject({
      ...denied,
      details: { permission: "network:*" },
    });
    const less = { ...role, permissions: [{ action: "network:vpcs:*" }] };
    await world.create("user:acme/bob", "role", less);
    const update = {
      ...alpha,
      id: "more",
      role: { permissions: role.permissions },
      updateMask: { paths: ["permissions"] },
    };
    expect(await faultOf(world.call("user:acme/bob", "role", "update", update))).toMatchObject(denied);
  });

  test("nor drop a condition that binds them", async () => {
    const permissions = [
      { action: "compute:vms:*", conditions: ["resource.owner == principal.id"] },
      { action: "iam:*" },
    ];
    await world.create(admin, "user", { ...acme, id: "frank" });
    await world.create(admin, "role", { ...acme, id: "own-vms", permissions });
    await world.bind("user:acme/frank", "own-vms", acme);
    const free = { ...acme, id: "all-vms", permissions: [{ action: "compute:vms:*" }] };
    expect(await faultOf(world.create("user:acme/frank", "role", free))).toMatchObject(denied);
    await world.create("user:acme/frank", "role", { ...free, permissions: permissions.slice(0, 1) });
  });

  test("nor take away a denial that binds them", async () => {
    await world.create(admin, "user", { ...acme, id: "grace" });
    const denial = { action: "compute:vms:delete", effect: 2 };
    await world.create(admin, "role", {
      ...acme,
      id: "no-delete",
      permissions: [denial, { action: "compute:vms:get" }],
    });
    await world.bind("user:acme/grace", "OrgAdmin", acme);
    const id = await world.bind("user:acme/grace", "no-delete", acme);
    expect(await faultOf(world.call("user:acme/grace", "role_binding", "delete", { ...acme, id }))).toMatchObject(
      denied,
    );
    const update = {
      ...acme,
      id: "no-delete",
      role: { permissions: [{ action: "compute:vms:get" }] },
      updateMask: { paths: ["permissions"] },
    };
    expect(await faultOf(world.call("user:acme/grace", "role", "update", update))).toMatchObject(denied);
    await world.call("user:acme/alice", "role_binding", "delete", { ...acme, id });
  });
});

describe("role bindings", () => {
  test("refuse a foreign principal in the same words as one that is not there", async () => {
    const faults = [];
    for (const principal of ["user:acme/nobody", "user:rival/mallory", "service_account:rival/nobody", "user:acme/bot"])
      faults.push((await faultOf(world.bind(principal, "ProjectViewer", acme, "user:acme/alice"))).details.violations);
    const words = faults.map((violations) =>
      violations?.map((one) => [one.path, one.rule, one.message.replace(/^"[^"]*"/, "")]),
    );
    expect(new Set(words.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(faults[0]?.[0]).toMatchObject({ path: "principal", rule: "unknown_reference" });
  });

  test("may name a foreign principal where a system administrator makes them", async () => {
    await world.bind("user:rival/mallory", "ProjectViewer", acme, admin);
    expect(
      await world.allowed("user:rival/mallory", "compute:vms:get", { org: "acme", project: "beta", type: "vm" }),
    ).toBe(true);
  });

  test("are one for each principal, role and scope", async () => {
    await world.bind("user:acme/alice", "ProjectViewer", { ...acme, projectId: "beta" });
    const fault = await faultOf(world.bind("user:acme/alice", "ProjectViewer", { ...acme, projectId: "beta" }));
    expect(fault.reason).toBe("ALREADY_EXISTS");
  });
});

describe("role bindings of the scopes above", () => {
  test("are shown to nobody below: who administers the cloud or the org is not the project's business", async () => {
    const list = async (where: Record<string, string>) => {
      const answer = await world.call(admin, "role_binding", "list", where);
      const bindings: unknown = Reflect.get(answer, "roleBindings");
      return Array.isArray(bindings) ? bindings : [];
    };
    const [first] = await list({});
    for (const where of [acme, alpha]) expect(await list(where)).not.toContainEqual(first);
    const fault = await faultOf(
      world.call(admin, "role_binding", "get", { ...alpha, id: String(Reflect.get(Object(first), "id")) }),
    );
    expect(fault.reason).toBe("NOT_FOUND");
  });
});

describe("orgs", () => {
  test("can't be deleted while anything is in them, and are gone after that", async () => {
    await world.create(admin, "org", { id: "small" });
    await world.create(admin, "project", { orgId: "small", id: "one" });
    expect((await faultOf(world.call(admin, "org", "delete", { id: "small" }))).reason).toBe("STILL_REFERENCED");
    await world.call(admin, "project", "delete", { orgId: "small", id: "one" });
    await world.call(admin, "org", "delete", { id: "small" });
    expect((await faultOf(world.create(admin, "user", { orgId: "small", id: "late" }))).reason).toBe("NOT_FOUND");
  });

  test("the system's own can't be deleted", async () => {
    expect((await faultOf(world.call(admin, "org", "delete", { id: "system" }))).reason).toBe("BUILT_IN");
  });
});
