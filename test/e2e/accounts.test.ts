// People and their accounts, from the command line on a real server: invited, with a second factor, narrowed, shut out, and the glass broken.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { Run } from "../../cli/src/testing/run.ts";
import { twoCodes } from "../../server/src/services/iam/testing/accounts.ts";
import { Person as Visitor } from "./terminal-person.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-accounts-"));
const password = "a quite long phrase";
let cloud: TestCloud;

/** Someone of this cloud. */
class Person extends Visitor {
  constructor(name: string, env: Record<string, string> = {}) {
    super(name, folder, env);
  }

  login(org: string): Promise<Run> {
    return this.types(password).run(`login --endpoint ${cloud.url} --org ${org} --principal ${this.name}`);
  }
}

/** What an authenticator app shows of the secret that a command has printed. */
function codesOf(shown: string): readonly [string, string] {
  return twoCodes(/\n {2}([A-Z2-7]{32})\n/.exec(shown)?.[1] ?? "");
}

const admin = new Person("admin");

beforeAll(async () => {
  cloud = await startTestCloud();
  await admin.types(cloud.admin.password).does(`login --endpoint ${cloud.url} --org system --principal admin`);
  await admin.does("org create --id acme");
});
afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

/** Someone of the org acme who is logged in. */
async function someone(name: string, roleId = ""): Promise<Person> {
  const token = await cloud.adminToken();
  const made = await postJson(
    cloud.url,
    "iam.v1.UserService/CreateUser",
    { org_id: "acme", id: name, password },
    token,
  );
  expect(made.status).toBe(200);
  const binding = { org_id: "acme", principal: `user:acme/${name}`, role_id: roleId };
  if (roleId !== "") await postJson(cloud.url, "iam.v1.RoleBindingService/CreateRoleBinding", binding, token);
  const person = new Person(name);
  expect(await person.login("acme")).toMatchObject({ code: 0 });
  return person;
}

async function invite(flags: string): Promise<string> {
  const { out } = await admin.does(`invitation create --org acme ${flags} -o json`);
  return String(JSON.parse(out).token);
}

async function joins(person: Person, token: string): Promise<void> {
  const { out } = await person.does(`invitation preview --endpoint ${cloud.url}`, { PHOTON_INVITATION: token });
  expect(out).toContain("user:system/admin invites you to acme");
  await person
    .types(password)
    .does(`invitation accept --endpoint ${cloud.url} --user ${person.name}`, { PHOTON_INVITATION: token });
}

test("an invited person chooses a password, logs in, and has what was given", async () => {
  const alice = new Person("alice");
  await joins(alice, await invite('--roles \'[{"role_id":"OrgAdmin"}]\''));
  expect(await alice.login("acme")).toMatchObject({ code: 0 });
  await alice.does("project create --id alpha");
});

test("a second factor is enrolled, asked for, proved and removed", async () => {
  const bob = await someone("bob");
  let next = "";
  const enrolled = await bob
    .types((_, err) => {
      const [first, second] = codesOf(err);
      next = second;
      return first;
    })
    .does("mfa enroll --name 'my phone'");
  const codes = enrolled.out.trim().split("\n");
  expect(codes).toHaveLength(10);
  expect((await bob.does("mfa list")).out).toContain("my phone");
  bob.types(password, next);
  await bob.does(`login --endpoint ${cloud.url} --org acme --principal bob`);
  const used = await bob.types(password, next).run(`login --endpoint ${cloud.url} --org acme --principal bob`);
  expect(used.code).toBe(4);
  const { factors } = JSON.parse((await bob.does("mfa list -o json")).out);
  await bob.does("mfa prove", { PHOTON_MFA_CODE: codes[0] ?? "" });
  await bob.does(`mfa remove ${factors[0].id}`);
  expect(await bob.login("acme")).toMatchObject({ code: 0 });
});

test("a narrowed token does what it names, and nothing else", async () => {
  const carol = await someone("carol", "OrgAdmin");
  await carol.does("project create --id beta");
  const narrow = "token narrow --action iam:projects:get --resource org/acme/project/beta --ttl 60";
  const token = (await carol.does(narrow)).out.trim();
  const call = (method: string, body: unknown) => postJson(cloud.url, method, body, token);
  expect((await call("iam.v1.ProjectService/GetProject", { org_id: "acme", id: "beta" })).status).toBe(200);
  expect((await call("iam.v1.ProjectService/ListProjects", { org_id: "acme" })).status).toBe(403);
  expect((await call("iam.v1.UserService/CreateUser", { org_id: "acme", id: "eve" })).status).toBe(403);
  expect((await carol.does("session list")).out).toContain("iam:projects:get org/acme/project/beta");
});

test("a changed password keeps the one who changed it, and nobody else", async () => {
  const here = await someone("dave");
  const there = new Person("dave", { XDG_CONFIG_HOME: join(folder, "elsewhere") });
  await there.login("acme");
  expect((await here.types("no, it is not", "another long phrase").run("password")).code).toBe(4);
  expect((await here.types(password, "dave").run("password")).err).toContain("new_password");
  await here.types(password, "another long phrase").does("password");
  await here.does("whoami");
  expect((await there.run("whoami")).code).toBe(4);
  await here.types("another long phrase", password).does("password");
});

test("an administrator lists and ends the sessions of others", async () => {
  const erin = await someone("erin");
  const listed = await admin.does("session list --org acme --principal erin");
  expect(listed.out).toContain("password");
  await admin.does("session revoke --all --org acme --principal erin");
  expect((await erin.run("whoami")).code).toBe(4);
});

test("an org that requires a second factor lets one without it enrol, and nothing else", async () => {
  await admin.does("org create --id strict --account-policy.mfa-required");
  await admin.does("user create --org strict --id zoe", { PHOTON_USER_PASSWORD: password });
  const zoe = new Person("zoe");
  const { err } = await zoe.login("strict");
  expect(err).toContain("photon mfa enroll");
  expect((await zoe.run("session revoke session-x")).code).toBe(4);
  await zoe.types((_, shown) => codesOf(shown)[0]).does("mfa enroll");
});

test("a principal that calls too often is told when to call again", async () => {
  const small = await startTestCloud({ argv: ["--calls-per-second", "1"] });
  try {
    const token = await small.adminToken();
    const call = (bearer: string) =>
      fetch(`${small.url}/iam.v1.IamTokenService/WhoAmI`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${bearer}` },
        body: "{}",
      });
    const answers = await Promise.all(Array.from({ length: 30 }, () => call(token)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(20);
    expect(refused.map((answer) => answer.headers.get("retry-after"))).toEqual(refused.map(() => "1"));
    expect(await refused[0]?.text()).toContain("TOO_MANY_REQUESTS");
  } finally {
    await small.stop();
  }
});

describe("the sealed administrator", () => {
  test("is unlocked by two people for what neither may do", async () => {
    const people = ["anna", "boris"].map((id) => new Person(id));
    for (const { name } of people) {
      await admin.does(`user create --org system --id ${name}`, { PHOTON_USER_PASSWORD: password });
      await admin.does(`role-binding create --org '' --principal user:system/${name} --role-id BreakGlassKeeper`);
    }
    const [anna, boris] = people;
    if (anna === undefined || boris === undefined) throw new Error("two people are needed");
    for (const person of people) await person.login("system");
    expect((await anna.run("org create --id rescue")).code).toBe(4);
    const { id } = JSON.parse((await anna.does("break-glass create --reason 'nobody else can log in' -o json")).out);
    expect((await anna.run(`break-glass approve ${id}`)).code).not.toBe(0);
    await boris.does(`break-glass approve ${id}`);
    await anna.does(`break-glass open ${id}`);
    await anna.does("org create --id rescue");
    await boris.does(`break-glass end ${id}`);
    expect((await anna.run("org list")).code).toBe(4);
    expect(readFileSync(join(folder, "anna", "photoncloud", "contexts.json"), "utf8")).toContain("break-glass");
  });
});
