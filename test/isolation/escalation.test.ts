// Nobody comes by more than they were given: not by roles, bindings, users, keys or tokens that they may write, not at once and not by turns.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { type Answer, call, type Json, messages, missing } from "./calls.ts";
import { must } from "./world.ts";

const password = "correct horse battery";
const admins = "iam.v1.IamAdminService";
const tokens = "iam.v1.IamTokenService";

let cloud: TestCloud;
let admin: string;
/** By name: a token of each, for the whole org. */
const people = new Map<string, string>();

const ask = (who: string, path: string, body: Json): Promise<Answer> => call(cloud.url, path, body, people.get(who));
const make = (method: string, body: Json) => must(cloud.url, `${admins}/${method}`, body, admin);

async function login(orgId: string, principalId: string, projectId = ""): Promise<string> {
  return String((await must(cloud.url, `${tokens}/IssueToken`, { orgId, principalId, projectId, password }, "")).token);
}

async function person(orgId: string, id: string, grants: readonly Json[]): Promise<void> {
  await make("CreateUser", { orgId, id, password });
  for (const grant of grants) await make("CreateRoleBinding", { principal: `user:${orgId}/${id}`, ...grant });
  people.set(id, await login(orgId, id));
}

/** May write everything that has to do with logging in, and nothing else. */
const doorkeeping = ["users", "service_accounts", "service_account_keys"].map((kind) => ({ action: `iam:${kind}:*` }));

beforeAll(async () => {
  cloud = await startTestCloud();
  admin = await cloud.adminToken();
  for (const [org, project] of [
    ["acme", "alpha"],
    ["acme", "beta"],
    ["rival", "gamma"],
  ] as const)
    await cloud.tenant(org, project);
  const permissions = [...doorkeeping, { action: "iam:tokens:issue" }];
  await make("CreateRole", { orgId: "acme", id: "Doorkeeper", permissions });
  const looking = [{ action: "network:*" }, { action: "network:vpcs:delete", effect: "EFFECT_DENY" }];
  await make("CreateRole", { orgId: "acme", id: "Careful", permissions: looking });
  await person("acme", "pia", [{ orgId: "acme", projectId: "alpha", roleId: "ProjectAdmin" }]);
  await person("acme", "otto", [{ orgId: "acme", roleId: "OrgAdmin" }]);
  await person("acme", "dora", [{ orgId: "acme", roleId: "Doorkeeper" }]);
  await person("acme", "sam", [{ roleId: "SystemAdmin" }]);
  await person("acme", "cora", [
    { orgId: "acme", projectId: "alpha", roleId: "ProjectAdmin" },
    { orgId: "acme", roleId: "Careful" },
  ]);
  await person("rival", "rita", [{ orgId: "rival", roleId: "OrgAdmin" }]);
  for (const id of ["plain", "mighty"]) await make("CreateServiceAccount", { orgId: "acme", id });
  await make("CreateRoleBinding", { orgId: "acme", principal: "service_account:acme/mighty", roleId: "OrgAdmin" });
});
afterAll(() => cloud.stop());

/** All roles, bindings, users, accounts and keys of the cloud, with their etags. */
async function everything(): Promise<string> {
  const scopes = [{}, { orgId: "acme" }, { orgId: "rival" }, { orgId: "system" }];
  const projects = [
    { orgId: "acme", projectId: "alpha" },
    { orgId: "acme", projectId: "beta" },
  ];
  const lists = [
    ...[...scopes, ...projects].flatMap((scope) => ["Roles", "RoleBindings"].map((plural) => [plural, scope] as const)),
    ...scopes
      .slice(1)
      .flatMap((scope) =>
        ["Users", "ServiceAccounts", "ServiceAccountKeys", "Projects"].map((plural) => [plural, scope] as const),
      ),
    ["Orgs", {}] as const,
  ];
  const pages = lists.map(async ([plural, scope]) => {
    const { cursor: _, ...page } = await make(`List${plural}`, { pageSize: 1000, ...scope });
    return page;
  });
  return JSON.stringify(await Promise.all(pages), null, 1);
}

const alpha = { orgId: "acme", projectId: "alpha" };
const beta = { orgId: "acme", projectId: "beta" };
const role = (permissions: readonly Json[], more: Json) => ({ id: "sneaky", permissions, ...more });
const bind = (who: string, roleId: string, more: Json) => ({ principal: `user:acme/${who}`, roleId, ...more });
const all = [{ action: "*" }];

/** Who tries what, and how it is refused. */
const attempts: readonly [string, string, Json, string][] = [
  // The administrator of a project.
  ["pia", "CreateRole", role(all, alpha), "permission_denied"],
  ["pia", "CreateRole", role([{ action: "iam:users:*" }], alpha), "permission_denied"],
  ["pia", "CreateRole", role([{ action: "network:vpcs:get" }], beta), "permission_denied"],
  ["pia", "CreateRole", role([{ action: "network:vpcs:get" }], { orgId: "acme" }), "permission_denied"],
  ["pia", "CreateRole", role([{ action: "network:vpcs:get" }], {}), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "OrgAdmin", alpha), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "SystemAdmin", alpha), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "ProjectAdmin", beta), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "ProjectAdmin", { orgId: "acme" }), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "ProjectAdmin", {}), "permission_denied"],
  ["pia", "CreateRoleBinding", bind("pia", "Doorkeeper", alpha), "permission_denied"],
  ["pia", "UpdateRole", { id: "ProjectAdmin", role: { permissions: all } }, "permission_denied"],
  ["pia", "UpdateRole", { ...alpha, id: "ProjectAdmin", role: { permissions: all } }, "not_found"],
  ["pia", "CreateUser", { orgId: "acme", id: "friend", password }, "permission_denied"],
  ["pia", "CreateServiceAccount", { orgId: "acme", id: "robot" }, "permission_denied"],
  ["pia", "CreateServiceAccountKey", { orgId: "acme", serviceAccountId: "plain" }, "permission_denied"],
  ["pia", "UpdateProject", { orgId: "acme", id: "beta", project: { name: "mine" } }, "permission_denied"],
  ["pia", "DeleteProject", { orgId: "acme", id: "alpha" }, "permission_denied"],
  ["pia", "CreateProject", { orgId: "acme", id: "delta" }, "permission_denied"],
  ["pia", "UpdateOrg", { id: "acme", org: { name: "mine" } }, "permission_denied"],
  ["pia", "CreateRoleBinding", bind("nobody", "ProjectViewer", alpha), "invalid_argument"],
  ["pia", "CreateRoleBinding", { ...alpha, principal: "user:rival/rita", roleId: "ProjectViewer" }, "invalid_argument"],
  // The administrator of an org.
  ["otto", "CreateRole", role(all, {}), "permission_denied"],
  ["otto", "CreateRole", role(all, { orgId: "rival" }), "permission_denied"],
  ["otto", "CreateRoleBinding", bind("otto", "SystemAdmin", {}), "permission_denied"],
  ["otto", "CreateRoleBinding", bind("otto", "OrgAdmin", { orgId: "rival" }), "permission_denied"],
  ["otto", "CreateRoleBinding", bind("otto", "OrgAdmin", { orgId: "system" }), "permission_denied"],
  ["otto", "CreateOrg", { id: "otto-corp" }, "permission_denied"],
  ["otto", "GetOrg", { id: "system" }, "permission_denied"],
  ["otto", "ListOrgs", {}, "permission_denied"],
  ["otto", "CreateUser", { orgId: "system", id: "otto", password }, "permission_denied"],
  ["otto", "CreateUser", { orgId: "rival", id: "rita", password }, "permission_denied"],
  ["otto", "UpdateUser", { orgId: "acme", id: "sam", user: { password: `${password}!` } }, "permission_denied"],
  ["otto", "UpdateUser", { orgId: "system", id: "admin", user: { password: `${password}!` } }, "permission_denied"],
  [
    "otto",
    "CreateRoleBinding",
    { orgId: "acme", principal: "user:rival/rita", roleId: "ProjectViewer" },
    "invalid_argument",
  ],
  [
    "otto",
    "CreateRoleBinding",
    { orgId: "acme", principal: "user:system/admin", roleId: "ProjectViewer" },
    "invalid_argument",
  ],
  ["otto", "CreateRole", { orgId: "acme", id: "ProjectViewer", permissions: all }, "already_exists"],
  ["otto", "DeleteUser", { orgId: "acme", id: "sam" }, "failed_precondition"],
  // Who may write users, accounts and keys, and issue tokens, but has nothing else.
  ["dora", "CreateServiceAccountKey", { orgId: "acme", serviceAccountId: "mighty" }, "permission_denied"],
  ["dora", "UpdateUser", { orgId: "acme", id: "otto", user: { password: `${password}!` } }, "permission_denied"],
  ["dora", "UpdateUser", { orgId: "acme", id: "pia", user: { password: `${password}!` } }, "permission_denied"],
  ["dora", "UpdateUser", { orgId: "acme", id: "sam", user: { password: `${password}!` } }, "permission_denied"],
  ["dora", "CreateUser", { orgId: "acme", id: "mighty", password }, "already_exists"],
  ["dora", "CreateUser", { orgId: "acme", id: "otto", password }, "already_exists"],
  ["dora", "CreateServiceAccount", { orgId: "acme", id: "otto" }, "already_exists"],
  ["dora", "CreateUser", { orgId: "acme", id: "system", password }, "invalid_argument"],
  ["dora", "CreateUser", { orgId: "acme", id: "engine", password }, "invalid_argument"],
  ["dora", "CreateRoleBinding", bind("dora", "Doorkeeper", { orgId: "acme" }), "permission_denied"],
  // Whom a denial binds can't take it away, nor give to another what it denies.
  ["cora", "CreateRole", role([{ action: "network:vpcs:delete" }], alpha), "permission_denied"],
  ["cora", "CreateRole", role([{ action: "network:*" }], alpha), "permission_denied"],
  ["cora", "CreateRoleBinding", bind("pia", "ProjectMember", alpha), "permission_denied"],
  [
    "cora",
    "UpdateRole",
    { orgId: "acme", id: "Careful", role: { permissions: [{ action: "network:*" }] } },
    "permission_denied",
  ],
  // The administrator of another org.
  [
    "rita",
    "CreateRoleBinding",
    { orgId: "acme", principal: "user:rival/rita", roleId: "OrgAdmin" },
    "permission_denied",
  ],
  ["rita", "CreateUser", { orgId: "acme", id: "rita", password }, "permission_denied"],
  ["rita", "CreateServiceAccountKey", { orgId: "rival", serviceAccountId: "mighty" }, "invalid_argument"],
  [
    "rita",
    "CreateRoleBinding",
    { orgId: "rival", principal: "user:acme/otto", roleId: "ProjectViewer" },
    "invalid_argument",
  ],
];

describe("is refused, and changes nothing:", () => {
  let before: string;
  beforeAll(async () => {
    before = await everything();
  });
  afterAll(async () => {
    expect(await everything()).toBe(before);
  });

  test.each(attempts)("%s %s %j", async (who, method, body, code) => {
    expect(await ask(who, `${admins}/${method}`, body)).toMatchObject({ code });
  });

  test("an org that would be the cloud's own, even to its administrator", async () => {
    for (const id of ["system", "engine"])
      expect(await call(cloud.url, `${admins}/CreateOrg`, { id }, admin)).toMatchObject({
        code: expect.stringMatching(/invalid|exists/),
      });
  });
});

test("a foreign principal is unknown in the words in which one that never was is", async () => {
  const named = (principal: string) =>
    ask("otto", `${admins}/CreateRoleBinding`, { orgId: "acme", roleId: "ProjectViewer", principal });
  const [foreign, never] = [await named("user:rival/rita"), await named("user:rival/rixa")];
  expect(foreign.body.message).toBe(String(never.body.message).replace("rixa", "rita"));
});

describe("tokens without a credential", () => {
  const issue = (who: string, orgId: string, principalId: string, more: Json = {}) =>
    ask(who, `${tokens}/IssueToken`, { orgId, principalId, ...more });
  test.each([
    ["pia", "acme", "otto"],
    ["pia", "acme", "pia"],
    ["otto", "acme", "sam"],
    ["otto", "system", "admin"],
    ["otto", "rival", "rita"],
    ["dora", "acme", "otto"],
    ["dora", "acme", "mighty"],
    ["dora", "acme", "pia"],
    ["rita", "acme", "otto"],
    ["nobody", "acme", "otto"],
  ])("%s gets none in %s for %s", async (who, org, id) => {
    expect((await issue(who, org, id)).code).toMatch(/^(permission_denied|unauthenticated)$/);
  });

  test("are given for whom one outranks, and bring no more than they have", async () => {
    const { body } = await issue("dora", "acme", "plain");
    people.set("plain", String(body.token));
    expect(await ask("plain", "prismnet.v1.VpcService/ListVpcs", alpha)).toMatchObject({ code: "permission_denied" });
    expect((await issue("otto", "acme", "pia")).code).toBe("ok");
  });

  test("say nothing of who is in an org to whom it is none of their business", async () => {
    const [there, never] = [await issue("rita", "acme", "otto"), await issue("rita", "acme", "otxo")];
    expect(there.text).toBe(never.text);
  });
});

describe("a token for a project", () => {
  test("brings an org's administrator nothing outside of it, and is not exchanged for a wider one", async () => {
    people.set("bound", await login("acme", "otto", "beta"));
    const list = (scope: Json) => ask("bound", "prismnet.v1.VpcService/ListVpcs", scope);
    expect(await list(beta)).toMatchObject({ code: "ok" });
    expect(await list(alpha)).toMatchObject({ code: "permission_denied" });
    expect(await ask("bound", `${admins}/ListUsers`, { orgId: "acme" })).toMatchObject({ code: "permission_denied" });
    expect(await ask("bound", `${tokens}/IssueToken`, { orgId: "acme", principalId: "otto" })).toMatchObject({
      code: "permission_denied",
    });
    const issued = await must(cloud.url, `${tokens}/IssueToken`, { ...beta, principalId: "otto", password }, "");
    const again = await must(cloud.url, `${tokens}/RefreshToken`, { refreshToken: issued.refreshToken }, "");
    expect((await must(cloud.url, `${tokens}/WhoAmI`, {}, String(again.token))).principal).toMatchObject({
      projectId: "beta",
    });
  });

  test("names a project that is there", async () => {
    for (const projectId of ["gamma", "never", "alpha/../beta"])
      expect(
        await call(cloud.url, `${tokens}/IssueToken`, { orgId: "acme", projectId, principalId: "otto", password }),
      ).toMatchObject({ code: "invalid_argument" });
  });
});

describe("a role that is bound at a project", () => {
  test("reaches no further, whatever its patterns say", async () => {
    const permissions = [
      { action: "network:vpcs:*", resourcePattern: "org/acme/project/beta/*" },
      { action: "network:vpcs:get", resourcePattern: "*" },
    ];
    expect(await ask("pia", `${admins}/CreateRole`, { ...alpha, id: "Reaching", permissions })).toMatchObject({
      code: "ok",
    });
    await make("CreateUser", { orgId: "acme", id: "puppet", password });
    expect(await ask("pia", `${admins}/CreateRoleBinding`, bind("puppet", "Reaching", alpha))).toMatchObject({
      code: "ok",
    });
    people.set("puppet", await login("acme", "puppet"));
    for (const [scope, code] of [
      [beta, "permission_denied"],
      [{ orgId: "rival", projectId: "gamma" }, "permission_denied"],
      [alpha, "not_found"],
    ] as const)
      expect(await ask("puppet", "prismnet.v1.VpcService/GetVpc", { ...scope, id: "vpc-never" })).toMatchObject({
        code,
      });
  });

  test("of the system's name is worth what it is where it is bound", async () => {
    await make("CreateUser", { orgId: "acme", id: "grand", password });
    const binding = bind("grand", "SystemAdmin", { orgId: "acme" });
    // It writes guardrails, too, which an org's administrator does not.
    expect(await ask("otto", `${admins}/CreateRoleBinding`, binding)).toMatchObject({ code: "permission_denied" });
    await make("CreateRoleBinding", binding);
    people.set("grand", await login("acme", "grand"));
    expect(await ask("grand", `${admins}/ListUsers`, { orgId: "acme" })).toMatchObject({ code: "ok" });
    for (const [method, body] of [
      ["ListOrgs", {}],
      ["ListUsers", { orgId: "rival" }],
      ["CreateRoleBinding", bind("grand", "SystemAdmin", {})],
    ] as const)
      expect(await ask("grand", `${admins}/${method}`, body)).toMatchObject({ code: "permission_denied" });
  });
});

describe("a grant that is taken away", () => {
  async function granted(id: string): Promise<Json> {
    await make("CreateUser", { orgId: "acme", id, password });
    people.set(id, await login("acme", id));
    return make("CreateRoleBinding", bind(id, "ProjectAdmin", alpha));
  }
  const list = (who: string) => ask(who, "prismnet.v1.VpcService/ListVpcs", alpha);

  test("is gone with the next call", async () => {
    const binding = await granted("leaver");
    expect(await list("leaver")).toMatchObject({ code: "ok" });
    await make("DeleteRoleBinding", { ...alpha, id: binding.id });
    expect(await list("leaver")).toMatchObject({ code: "permission_denied" });
  });

  test("is gone from its role with the next call", async () => {
    await granted("narrowed");
    await make("CreateRole", { ...alpha, id: "Narrowing", permissions: [{ action: "compute:*" }] });
    await make("CreateUser", { orgId: "acme", id: "worker", password });
    await make("CreateRoleBinding", bind("worker", "Narrowing", alpha));
    people.set("worker", await login("acme", "worker"));
    const vms = () => ask("worker", "plasmavmc.v1.VmService/ListVms", alpha);
    expect(await vms()).toMatchObject({ code: "ok" });
    await make("UpdateRole", { ...alpha, id: "Narrowing", role: { permissions: [{ action: "compute:images:get" }] } });
    expect(await vms()).toMatchObject({ code: "permission_denied" });
  });

  test("ends a stream before it passes on what came after", async () => {
    const binding = await granted("watcher");
    const over = AbortSignal.timeout(20_000);
    const watch = messages(cloud.url, "prismnet.v1.VpcService/WatchVpcs", alpha, people.get("watcher"), over);
    const said: Json[] = [];
    for await (const message of watch) {
      said.push(message);
      if (message.change !== "CHANGE_BOOKMARK") continue;
      await make("DeleteRoleBinding", { ...alpha, id: binding.id });
      // The permission is asked for again a few times a second.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await must(
        cloud.url,
        "prismnet.v1.VpcService/CreateVpc",
        { ...alpha, name: "after", cidr: "10.0.0.0/16" },
        admin,
      );
    }
    expect(said.at(-1)).toMatchObject({ end: { error: { code: "permission_denied" } } });
    expect(JSON.stringify(said)).not.toContain('"after"');
  });
});

describe("questions about others", () => {
  const authorize = (who: string, principal: string, resource: string) =>
    ask(who, "iam.v1.IamAuthzService/Authorize", { principal, action: "network:vpcs:get", resource });
  test("are answered to those alone who may ask, there and of them", async () => {
    expect(await authorize("pia", "user:acme/otto", "org/acme")).toMatchObject({ code: "permission_denied" });
    expect(await authorize("otto", "user:acme/pia", "org/acme/project/alpha")).toMatchObject({ code: "ok" });
    expect(await authorize("otto", "user:rival/rita", "org/acme")).toMatchObject({ code: "permission_denied" });
    expect(await authorize("otto", "user:acme/pia", "org/rival")).toMatchObject({ code: "permission_denied" });
    expect(await authorize("otto", "user:acme/pia", "")).toMatchObject({ code: "permission_denied" });
  });

  test("and about oneself tell nothing of what is elsewhere", async () => {
    const [there, never] = [
      await authorize("rita", "", "org/acme/project/alpha"),
      await authorize("rita", "", `org/${missing("acme")}/project/alpha`),
    ];
    expect(there.text).toBe(never.text.replaceAll(missing("acme"), "acme"));
    const test = (orgId: string) =>
      ask("rita", "iam.v1.IamAuthzService/TestPermissions", { orgId, permissions: ["network:vpcs:get", "*"] });
    expect((await test("acme")).body).toEqual({});
    expect((await test("rival")).body).toEqual({ permissions: ["network:vpcs:get", "*"] });
  });

  test("of any size are refused before they are remembered", async () => {
    const long = "x".repeat(100_000);
    for (const body of [
      { action: long, resource: "org/rival" },
      { action: "a", resource: `org/${long}` },
      { action: "a", principal: `user:${long}/x` },
    ])
      expect(await ask("rita", "iam.v1.IamAuthzService/Authorize", body)).toMatchObject({ code: "invalid_argument" });
    for (const body of [{ permissions: [long] }, { orgId: long, permissions: ["a"] }])
      expect(await ask("rita", "iam.v1.IamAuthzService/TestPermissions", body)).toMatchObject({
        code: "invalid_argument",
      });
  });
});
