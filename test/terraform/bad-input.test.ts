// What a user is told when something is wrong: at the attribute, with what to do; nothing is changed, and nobody sees what is not theirs.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";
import { as, Stage } from "./stage.ts";
import type { Diagnostic, Login, Workspace } from "./workspace.ts";

let stage: Stage;
let acme: Login;
let rival: Login;

beforeAll(async () => {
  stage = await Stage.set(as("acme-corp", "project-alpha"));
  acme = stage.login;
  rival = await as("rival-inc", "project-beta")(stage.cloud);
});

afterEach(() => stage.clear());

afterAll(() => stage.close());

const applied = (workspace: Workspace) => workspace.diagnostics("apply", "-auto-approve", "-input=false");
const told = (diagnostics: readonly Diagnostic[]) =>
  diagnostics.map((d) => [d.address, d.snippet?.code.trim(), d.detail] as const);

async function create(tenant: Login, method: string, body: object): Promise<string> {
  const request = { orgId: tenant.orgId, projectId: tenant.projectId, ...body };
  const answer = await postJson(tenant.url, method, request, tenant.token);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return String(answer.body.id);
}

const vpc = (name: string, cidr = "10.0.0.0/16") =>
  `resource "photoncloud_vpc" "a" {\n  name = "${name}"\n  cidr = "${cidr}"\n}\n`;

describe("terraform validate finds without the cloud", () => {
  const rows: readonly [string, string, string, string][] = [
    ["a malformed CIDR", vpc("a", "10.0.0.0/33"), 'cidr = "10.0.0.0/33"', "10.0.0.0/33"],
    ["a CIDR with host bits", vpc("a", "10.0.0.1/16"), 'cidr = "10.0.0.1/16"', "10.0.0.1/16"],
    ["a name that is none", vpc("Not A Name"), 'name = "Not A Name"', "Not A Name"],
    [
      "a rule deep inside",
      'resource "photoncloud_security_group" "a" {\n  name = "a"\n  rules = { web = { direction = "sideways" } }\n}\n',
      'rules = { web = { direction = "sideways" } }',
      '"ingress", "egress" are allowed',
    ],
    [
      "two of a choice",
      `resource "photoncloud_security_group" "a" {\n  name = "a"\n  rules = { web = { direction = "ingress", remote_cidr = "0.0.0.0/0", remote_group_id = "sg-1" } }\n}\n`,
      "rules = {",
      "remote_cidr is given too",
    ],
  ];
  test.each(rows)("%s", async (_name, hcl, code, detail) => {
    const [problem, ...more] = await (await stage.openApart(hcl)).diagnostics("validate");
    expect(more).toEqual([]);
    expect(problem?.snippet?.code).toContain(code);
    expect(problem?.detail).toContain(detail);
  });
});

describe("terraform apply is refused by the cloud", () => {
  test("for overlapping networks, at the attribute", async () => {
    const vpcId = await create(acme, "prismnet.v1.VpcService/CreateVpc", { name: "one", cidr: "10.0.0.0/16" });
    await create(acme, "prismnet.v1.SubnetService/CreateSubnet", { name: "one", vpcId, cidr: "10.0.1.0/24" });
    const workspace = await stage.openApart(
      `resource "photoncloud_subnet" "a" {\n  name = "two"\n  vpc_id = "${vpcId}"\n  cidr = "10.0.1.128/25"\n}\n`,
    );
    const [[address, code, detail] = []] = told(await applied(workspace));
    expect([address, code]).toEqual(["photoncloud_subnet.a", 'cidr = "10.0.1.128/25"']);
    expect(detail).toMatch(/10\.0\.1\.0\/24.*Request id: /s);
    expect(await workspace.state()).toEqual({});
  });

  test("for a reference to somebody else's resource, in the words for one that does not exist", async () => {
    const foreign = await create(rival, "prismnet.v1.VpcService/CreateVpc", { name: "theirs", cidr: "10.0.0.0/16" });
    const missing = foreign.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    const subnet = (id: string) => `resource "photoncloud_subnet" "a" {\n  name = "s"\n  vpc_id = "${id}"\n}\n`;
    const answers: string[] = [];
    for (const id of [foreign, missing]) {
      const [[, code, detail = ""] = []] = told(await applied(await stage.openApart(subnet(id))));
      expect(code).toBe(`vpc_id = "${id}"`);
      answers.push(detail.replaceAll(id, "ID").replace(/Request id: .*/, ""));
    }
    expect(answers[0]).toBe(answers[1]);
  });

  test("in an org that is not the token's, naming the permission", async () => {
    const workspace = await stage.openApart(vpc("a"), { orgId: "rival-inc", projectId: "project-beta" });
    const [problem] = await applied(workspace);
    expect(problem?.summary).toBe("Permission denied");
    expect(problem?.detail).toContain("network:vpcs:plan");
  });

  test("when a resource of another org is imported or read", async () => {
    const foreign = await create(rival, "prismnet.v1.VpcService/CreateVpc", {
      name: "secret-net",
      cidr: "10.9.0.0/16",
    });
    const workspace = await stage.openApart(vpc("a"));
    for (const id of [foreign, `rival-inc/project-beta/${foreign}`]) {
      const { code, stderr } = await workspace.run("import", "-no-color", "photoncloud_vpc.a", id);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/Cannot import non-existent|Permission denied/);
      expect(stderr).not.toContain("10.9.0.0");
    }
    workspace.write('data "photoncloud_vpc" "a" {\n  name = "secret-net"\n}\n');
    expect((await applied(workspace))[0]?.detail).toContain('no vpc is named "secret-net"');
  });

  test.each([
    ["a token that is none", "not.a.token"],
    ["a token with another signature", undefined],
  ])("with %s", async (_name, given) => {
    const token = given ?? `${acme.token.slice(0, -6)}AAAAAA`;
    const [problem] = await applied(await stage.openApart(vpc("a"), { token }));
    expect(problem?.summary).toBe("The cloud does not accept these credentials");
    expect(JSON.stringify(problem)).not.toContain(token);
  });
});

test("a change by somebody else between plan and apply stops the apply", async () => {
  const workspace = await stage.openApart(vpc("etag"));
  await workspace.apply();
  const { id } = (await workspace.state())["photoncloud_vpc.a"] ?? {};
  workspace.write(vpc("etag").replace("}", '  labels = { mine = "1" }\n}'));
  await workspace.must("plan", "-input=false", "-out=plan.bin");
  const theirs = {
    orgId: acme.orgId,
    projectId: acme.projectId,
    id,
    vpc: { labels: { theirs: "1" } },
    updateMask: "labels",
  };
  expect((await postJson(acme.url, "prismnet.v1.VpcService/UpdateVpc", theirs, acme.token)).status).toBe(200);
  const { code, stderr } = await workspace.run("apply", "-input=false", "-no-color", "plan.bin");
  expect([code, stderr]).toEqual([1, expect.stringContaining("changed outside of this run")]);
  expect(await workspace.plan()).toEqual({ "photoncloud_vpc.a": "update" });
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
});

test("a password is in no state, no plan and no output", async () => {
  const canary = "canary-4711-password";
  const token = await stage.cloud.adminToken();
  const workspace = await stage.openApart(
    `variable "password" {
  type      = string
  ephemeral = true
}
resource "photoncloud_user" "a" {\n  id = "canary"\n  password = var.password\n}\n`,
    {
      token,
    },
  );
  workspace.env.TF_VAR_password = canary;
  await workspace.must("plan", "-input=false", "-out=plan.bin");
  const output = await workspace.apply();
  const json = await workspace.must("show", "-json", "plan.bin");
  const state = readFileSync(join(workspace.directory, "terraform.tfstate"), "utf8");
  expect([output, json, state].filter((text) => text.includes(canary))).toEqual([]);
  const login = { orgId: "acme-corp", principalId: "canary", password: canary };
  expect((await postJson(acme.url, "iam.v1.IamTokenService/IssueToken", login)).status).toBe(200);
  expect(await workspace.plan()).toEqual({});
});

test("a provider that does not know where the cloud is says so", async () => {
  const workspace = await stage.openApart(vpc("a"), { url: "" });
  expect((await workspace.diagnostics("plan", "-input=false"))[0]?.detail).toContain("PHOTON_ENDPOINT");
});
