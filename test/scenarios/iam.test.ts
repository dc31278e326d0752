// The platform's six IAM scenarios, against a real server over HTTP, on both databases.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { onEachDatabase } from "../databases.ts";

type JsonAnswer = Awaited<ReturnType<typeof postJson>>;

let cloud: TestCloud;
let admin = "";

const password = "a password for scenarios";

function call(method: string, body: unknown, token: string): Promise<JsonAnswer> {
  return postJson(cloud.url, method, body, token);
}

async function must(method: string, body: unknown, token: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await call(method, body, token);
  expect({ method, status: answer.status, body: answer.status === 200 ? "" : answer.body }).toEqual({
    method,
    status: 200,
    body: "",
  });
  return answer.body;
}

/** An org with projects; each scenario has its own, so that they run in any order. */
async function makeOrg(org: string, projects: readonly string[] = []): Promise<void> {
  await must("iam.v1.OrgService/CreateOrg", { id: org, name: org.toUpperCase() }, admin);
  for (const id of projects) await must("iam.v1.ProjectService/CreateProject", { org_id: org, id }, admin);
}

async function makeUser(org: string, id: string): Promise<void> {
  await must("iam.v1.UserService/CreateUser", { org_id: org, id, password }, admin);
}

async function login(org: string, id: string, project = ""): Promise<string> {
  const credential = { principal_id: id, org_id: org, project_id: project, password };
  const { token } = await must("iam.v1.IamTokenService/IssueToken", credential, "");
  return String(token);
}

async function bind(principal: string, role: string, where: Record<string, string>, token = admin): Promise<string> {
  const binding = { ...where, name: `${principal.replace(/.*\//, "")}-${role}`, principal, role_id: role };
  const { id } = await must("iam.v1.RoleBindingService/CreateRoleBinding", binding, token);
  return String(id);
}

function createVpc(org: string, project: string, token: string): Promise<JsonAnswer> {
  const name = `vpc-${Math.random().toString(36).slice(2)}`;
  return call(
    "prismnet.v1.VpcService/CreateVpc",
    { org_id: org, project_id: project, name, cidr: "10.0.0.0/16" },
    token,
  );
}

function listVpcs(org: string, project: string, token: string): Promise<JsonAnswer> {
  return call("prismnet.v1.VpcService/ListVpcs", { org_id: org, project_id: project }, token);
}

function denied(permission: string) {
  return { status: 403, body: { code: "permission_denied", message: expect.stringContaining(permission) } };
}

onEachDatabase((database) => {
  beforeAll(async () => {
    cloud = await startTestCloud(database());
    admin = await cloud.adminToken();
  });
  afterAll(() => cloud.stop());

  test("test_tenant_setup_flow", async () => {
    await makeOrg("acme-corp", ["project-alpha"]);
    await makeUser("acme-corp", "alice");
    const before = await login("acme-corp", "alice");
    expect(await createVpc("acme-corp", "project-alpha", before)).toMatchObject(denied("network:vpcs:create"));
    await bind("user:acme-corp/alice", "OrgAdmin", { org_id: "acme-corp" });
    const project = { org_id: "acme-corp", id: "project-beta", name: "Project Beta" };
    expect(await must("iam.v1.ProjectService/CreateProject", project, before)).toMatchObject({
      id: "project-beta",
      owner: "alice",
    });

    const token = await login("acme-corp", "alice", "project-alpha");
    expect(await must("iam.v1.IamTokenService/WhoAmI", {}, token)).toMatchObject({
      principal: { id: "alice", orgId: "acme-corp", projectId: "project-alpha", kind: "PRINCIPAL_KIND_USER" },
    });
    expect(await must("iam.v1.IamTokenService/ValidateToken", { token }, "")).toMatchObject({ valid: true });
    expect(await createVpc("acme-corp", "project-alpha", token)).toMatchObject({
      status: 200,
      body: { orgId: "acme-corp" },
    });

    await must("iam.v1.ServiceAccountService/CreateServiceAccount", { org_id: "acme-corp", id: "deployer" }, before);
    const key = { org_id: "acme-corp", name: "ci", service_account_id: "deployer" };
    const { secret } = await must("iam.v1.ServiceAccountKeyService/CreateServiceAccountKey", key, before);
    await bind(
      "service_account:acme-corp/deployer",
      "ProjectMember",
      { org_id: "acme-corp", project_id: "project-alpha" },
      before,
    );
    const credential = {
      principal_id: "deployer",
      org_id: "acme-corp",
      project_id: "project-alpha",
      key_secret: secret,
    };
    const { token: deployer } = await must("iam.v1.IamTokenService/IssueToken", credential, "");
    expect(await createVpc("acme-corp", "project-alpha", String(deployer))).toMatchObject({ status: 200 });
  });

  test("test_cross_tenant_denial", async () => {
    await makeOrg("one-corp", ["main"]);
    await makeOrg("two-corp", ["main"]);
    await makeUser("one-corp", "alice");
    await makeUser("two-corp", "bob");
    await bind("user:one-corp/alice", "OrgAdmin", { org_id: "one-corp" });
    await bind("user:two-corp/bob", "OrgAdmin", { org_id: "two-corp" });
    const [alice, bob] = [await login("one-corp", "alice"), await login("two-corp", "bob")];
    const vpc = (await createVpc("one-corp", "main", alice)).body.id;

    expect(await createVpc("one-corp", "main", bob)).toMatchObject(denied("network:vpcs:create"));
    const inOne = { org_id: "one-corp", project_id: "main", id: vpc };
    for (const [method, permission] of [
      ["GetVpc", "network:vpcs:get"],
      ["DeleteVpc", "network:vpcs:delete"],
    ] as const)
      expect(await call(`prismnet.v1.VpcService/${method}`, inOne, bob)).toMatchObject(denied(permission));
    expect(await listVpcs("one-corp", "main", bob)).toMatchObject(denied("network:vpcs:list"));

    // The foreign id in one's own tenant is answered like an id that never was.
    const get = (id: unknown) =>
      call("prismnet.v1.VpcService/GetVpc", { org_id: "two-corp", project_id: "main", id }, bob);
    const missing = "vpc-00000000000000000000000000";
    const [foreign, never] = [await get(vpc), await get(missing)];
    expect(foreign.status).toBe(404);
    expect(String(foreign.body.message).replace(String(vpc), missing)).toBe(never.body.message);

    expect(await call("iam.v1.OrgService/ListOrgs", {}, bob)).toMatchObject(denied("iam:orgs:list"));
    expect(await call("iam.v1.UserService/GetUser", { org_id: "one-corp", id: "alice" }, bob)).toMatchObject(
      denied("iam:users:get"),
    );
    const issue = { principal_id: "alice", org_id: "one-corp" };
    expect(await call("iam.v1.IamTokenService/IssueToken", issue, bob)).toMatchObject(denied("iam:tokens:issue"));
    const binding = { org_id: "one-corp", principal: "user:two-corp/bob", role_id: "OrgAdmin" };
    expect((await call("iam.v1.RoleBindingService/CreateRoleBinding", binding, bob)).status).toBe(403);
    expect((await call("iam.v1.RoleBindingService/CreateRoleBinding", binding, alice)).status).toBe(400);
    expect(await call("prismnet.v1.VpcService/GetVpc", inOne, alice)).toMatchObject({ status: 200 });
  });

  test("test_rbac_project_scope", async () => {
    await makeOrg("rbac-corp", ["alpha", "beta"]);
    for (const id of ["admin-a", "member-a", "viewer-a"]) await makeUser("rbac-corp", id);
    const alpha = { org_id: "rbac-corp", project_id: "alpha" };
    await bind("user:rbac-corp/admin-a", "ProjectAdmin", alpha);
    await bind("user:rbac-corp/member-a", "ProjectMember", alpha);
    await bind("user:rbac-corp/viewer-a", "ProjectViewer", alpha);
    const [owner, member, viewer] = await Promise.all(
      ["admin-a", "member-a", "viewer-a"].map((id) => login("rbac-corp", id)),
    );

    for (const token of [owner, member]) expect((await createVpc("rbac-corp", "alpha", token ?? "")).status).toBe(200);
    expect(await createVpc("rbac-corp", "alpha", viewer ?? "")).toMatchObject(denied("network:vpcs:create"));
    for (const token of [owner, member, viewer]) {
      expect((await listVpcs("rbac-corp", "alpha", token ?? "")).status).toBe(200);
      expect(await listVpcs("rbac-corp", "beta", token ?? "")).toMatchObject(denied("network:vpcs:list"));
      expect(await createVpc("rbac-corp", "beta", token ?? "")).toMatchObject(denied("network:vpcs:create"));
      expect((await call("iam.v1.UserService/ListUsers", { org_id: "rbac-corp" }, token ?? "")).status).toBe(403);
    }
    await makeUser("rbac-corp", "newcomer");
    const binding = { ...alpha, principal: "user:rbac-corp/newcomer", role_id: "ProjectViewer" };
    expect((await call("iam.v1.RoleBindingService/CreateRoleBinding", binding, member ?? "")).status).toBe(403);
    expect((await call("iam.v1.RoleBindingService/CreateRoleBinding", binding, owner ?? "")).status).toBe(200);
    const more = { ...binding, role_id: "OrgAdmin" };
    expect((await call("iam.v1.RoleBindingService/CreateRoleBinding", more, owner ?? "")).status).toBe(403);
  });

  test("test_hierarchical_scope_inheritance", async () => {
    await makeOrg("tree-corp", ["alpha", "beta"]);
    for (const id of ["org-admin", "org-viewer"]) await makeUser("tree-corp", id);
    await bind("user:tree-corp/org-admin", "OrgAdmin", { org_id: "tree-corp" });
    await bind("user:tree-corp/org-viewer", "ProjectViewer", { org_id: "tree-corp" });
    const [orgAdmin, orgViewer] = [await login("tree-corp", "org-admin"), await login("tree-corp", "org-viewer")];

    for (const project of ["alpha", "beta"]) {
      // A binding at the system, at the org: both reach down into every project.
      for (const token of [admin, orgAdmin]) expect((await createVpc("tree-corp", project, token)).status).toBe(200);
      expect((await listVpcs("tree-corp", project, orgViewer)).status).toBe(200);
      expect(await createVpc("tree-corp", project, orgViewer)).toMatchObject(denied("network:vpcs:create"));
    }
    // A project that comes later is reached, too.
    await must("iam.v1.ProjectService/CreateProject", { org_id: "tree-corp", id: "gamma" }, orgAdmin);
    expect((await listVpcs("tree-corp", "gamma", orgViewer)).status).toBe(200);
    // Nothing reaches up.
    expect(await call("iam.v1.OrgService/CreateOrg", { id: "another" }, orgAdmin)).toMatchObject(
      denied("iam:orgs:create"),
    );

    const ask = {
      principal: "user:tree-corp/org-viewer",
      action: "compute:vms:get",
      resource: "org/tree-corp/project/alpha/vm/vm-1",
    };
    expect(await must("iam.v1.IamAuthzService/Authorize", ask, orgAdmin)).toMatchObject({
      allowed: true,
      roleId: "ProjectViewer",
    });
    const test = { org_id: "tree-corp", project_id: "beta", permissions: ["compute:vms:get", "compute:vms:create"] };
    expect(await must("iam.v1.IamAuthzService/TestPermissions", test, orgViewer)).toEqual({
      permissions: ["compute:vms:get"],
    });
  });

  test("test_custom_role_fine_grained_permissions", async () => {
    await makeOrg("roles-corp", ["alpha", "beta"]);
    await makeUser("roles-corp", "operator");
    const role = {
      org_id: "roles-corp",
      id: "StorageOperator",
      description: "Looks after volumes and images",
      permissions: [
        { action: "storage:volumes:*" },
        { action: "compute:images:*", resource_pattern: "org/roles-corp/project/alpha/image/*" },
        { action: "compute:images:delete", effect: "EFFECT_DENY" },
        { action: "network:vpcs:*", conditions: ["resource.owner == principal.id"] },
        { action: "network:vpcs:create" },
      ],
    };
    await must("iam.v1.RoleService/CreateRole", role, admin);
    await bind("user:roles-corp/operator", "StorageOperator", { org_id: "roles-corp" });
    const token = await login("roles-corp", "operator");
    const may = async (action: string, resource: string) =>
      (await must("iam.v1.IamAuthzService/Authorize", { action, resource }, token)).allowed === true;

    const alpha = "org/roles-corp/project/alpha";
    expect(await may("storage:volumes:create", `${alpha}/volume`)).toBe(true);
    expect(await may("storage:buckets:create", `${alpha}/bucket`)).toBe(false);
    expect(await may("compute:images:get", `${alpha}/image/image-1`)).toBe(true);
    expect(await may("compute:images:get", "org/roles-corp/project/beta/image/image-1")).toBe(false);
    expect(await may("compute:images:delete", `${alpha}/image/image-1`)).toBe(false);
    expect(await may("compute:vms:get", `${alpha}/vm/vm-1`)).toBe(false);

    // The condition on the real call: one's own VPC, and not another's.
    const own = (await createVpc("roles-corp", "alpha", token)).body.id;
    const other = (await createVpc("roles-corp", "alpha", admin)).body.id;
    const get = (id: unknown) =>
      call("prismnet.v1.VpcService/GetVpc", { org_id: "roles-corp", project_id: "alpha", id }, token);
    expect((await get(own)).status).toBe(200);
    expect(await get(other)).toMatchObject(denied("network:vpcs:get"));

    const bad = {
      ...role,
      id: "Broken",
      permissions: [{ action: "compute:vms:get", conditions: ["resource.owner ="] }],
    };
    const refused = await call("iam.v1.RoleService/CreateRole", bad, admin);
    expect(refused).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("permissions[0].conditions[0]") },
    });
  });

  test("test_multiple_role_bindings", async () => {
    await makeOrg("many-corp", ["alpha", "beta"]);
    await makeUser("many-corp", "carol");
    const token = await login("many-corp", "carol");
    const alpha = { org_id: "many-corp", project_id: "alpha" };
    await bind("user:many-corp/carol", "ProjectViewer", { org_id: "many-corp" });
    const member = await bind("user:many-corp/carol", "ProjectMember", alpha);
    expect((await createVpc("many-corp", "alpha", token)).status).toBe(200);
    expect((await listVpcs("many-corp", "beta", token)).status).toBe(200);
    expect((await createVpc("many-corp", "beta", token)).status).toBe(403);

    // A denial wins over every allowance, wherever it was given.
    const freeze = {
      org_id: "many-corp",
      id: "Freeze",
      permissions: [{ action: "network:*:create", effect: "EFFECT_DENY" }],
    };
    await must("iam.v1.RoleService/CreateRole", freeze, admin);
    const frozen = await bind("user:many-corp/carol", "Freeze", { org_id: "many-corp" });
    expect(await createVpc("many-corp", "alpha", token)).toMatchObject(denied("network:vpcs:create"));
    expect((await listVpcs("many-corp", "alpha", token)).status).toBe(200);
    await must("iam.v1.RoleBindingService/DeleteRoleBinding", { org_id: "many-corp", id: frozen }, admin);
    expect((await createVpc("many-corp", "alpha", token)).status).toBe(200);

    // Each binding goes by itself: what the other gives stays.
    await must("iam.v1.RoleBindingService/DeleteRoleBinding", { ...alpha, id: member }, admin);
    expect(await createVpc("many-corp", "alpha", token)).toMatchObject(denied("network:vpcs:create"));
    expect((await listVpcs("many-corp", "alpha", token)).status).toBe(200);
  });
});
