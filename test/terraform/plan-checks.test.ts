// A plan that asks the cloud: what would be refused is refused before anything is made, and what is lost is said.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";
import { as, Stage } from "./stage.ts";
import { type Diagnostic, type Login, Workspace } from "./workspace.ts";

let stage: Stage;
let acme: Login;

beforeAll(async () => {
  stage = await Stage.set(as("acme-corp", "project-alpha"));
  acme = stage.login;
});

afterEach(() => stage.clear());

afterAll(() => stage.close());

const planned = (workspace: Workspace, ...args: string[]) => workspace.diagnostics("plan", "-input=false", ...args);
const told = (all: readonly Diagnostic[]) => all.map((d) => [d.severity, d.address, d.snippet?.code.trim()] as const);

async function made(method: string, body: object): Promise<string> {
  const request = { orgId: acme.orgId, projectId: acme.projectId, ...body };
  const answer = await postJson(acme.url, method, request, acme.token);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return String(answer.body.id);
}

const vpc = (name: string, more = "") =>
  `resource "photoncloud_vpc" "a" {\n  name = "${name}"\n  cidr = "10.0.0.0/16"\n${more}}\n`;

describe("a plan is refused", () => {
  test("for a name that is taken, and says by what and how to import it", async () => {
    const id = await made("prismnet.v1.VpcService/CreateVpc", { name: "taken", cidr: "10.0.0.0/16" });
    const all = await planned(await stage.openApart(vpc("taken")));
    expect(told(all)).toEqual([["error", "photoncloud_vpc.a", 'name = "taken"']]);
    expect(all[0]?.detail).toContain(id);
    expect(all[0]?.detail).toMatch(/terraform import.*Request id: /s);
  });

  test("for an address outside its subnet", async () => {
    const vpcId = await made("prismnet.v1.VpcService/CreateVpc", { name: "v", cidr: "10.0.0.0/16" });
    const subnetId = await made("prismnet.v1.SubnetService/CreateSubnet", { name: "s", vpcId, cidr: "10.0.1.0/24" });
    const port = `resource "photoncloud_port" "a" {\n  name = "p"\n  subnet_id = "${subnetId}"\n  ip_address = "10.0.2.1"\n}\n`;
    expect(told(await planned(await stage.openApart(port)))).toEqual([
      ["error", "photoncloud_port.a", 'ip_address = "10.0.2.1"'],
    ]);
  });

  test("for a reference to what does not exist", async () => {
    const subnet = 'resource "photoncloud_subnet" "a" {\n  name = "s"\n  vpc_id = "vpc-none"\n}\n';
    expect(told(await planned(await stage.openApart(subnet)))).toEqual([
      ["error", "photoncloud_subnet.a", 'vpc_id = "vpc-none"'],
    ]);
  });

  test("where the permission is missing", async () => {
    const all = await planned(await stage.openApart(vpc("a"), { orgId: "rival-inc", projectId: "project-beta" }));
    expect(all.map((d) => [d.severity, d.summary])).toEqual([["error", "Permission denied"]]);
    expect(all[0]?.detail).toContain("network:vpcs:");
  });

  test("not where plan_checks is false", async () => {
    await made("prismnet.v1.VpcService/CreateVpc", { name: "unasked", cidr: "10.0.0.0/16" });
    const workspace = await stage.openApart(`provider "photoncloud" {\n  plan_checks = false\n}\n${vpc("unasked")}`);
    expect(await workspace.plan()).toEqual({ "photoncloud_vpc.a": "create" });
  });
});

describe("who may look and no more", () => {
  let viewer: string;
  let seen: string;

  beforeAll(async () => {
    const { serviceAccountId, keySecret } = await stage.cloud.tenant("acme-corp", "elsewhere");
    const principal = `service_account:acme-corp/${serviceAccountId}`;
    const place = { orgId: acme.orgId, projectId: acme.projectId };
    const binding = { ...place, principal, roleId: "ProjectViewer" };
    const admin = await stage.cloud.adminToken();
    const bound = await postJson(acme.url, "iam.v1.RoleBindingService/CreateRoleBinding", binding, admin);
    expect(bound.status).toBe(200);
    const login = { ...place, principalId: serviceAccountId, keySecret };
    viewer = String((await postJson(acme.url, "iam.v1.IamTokenService/IssueToken", login)).body.token);
    seen = await made("prismnet.v1.VpcService/CreateVpc", { name: "looked-at", cidr: "10.0.0.0/16" });
  });

  const hint = (verb: string): (string | undefined)[] => [
    "warning",
    `The apply may not ${verb} this`,
    "photoncloud_vpc.a",
  ];
  const said = async (workspace: Workspace, ...args: string[]) =>
    (await planned(workspace, ...args)).map((d) => [d.severity, d.summary, d.address]);

  test("plans, and is told what the apply may not do: create, update, replace and delete", async () => {
    const workspace = await stage.openApart(vpc("new-one"), { token: viewer });
    expect(await said(workspace)).toEqual([hint("create")]);
    workspace.write(vpc("looked-at"));
    await workspace.must("import", "photoncloud_vpc.a", seen);
    expect(await said(workspace)).toEqual([]);
    workspace.write(vpc("looked-at", '  labels = { a = "b" }\n'));
    const [update, ...more] = await planned(workspace);
    expect([update?.severity, update?.summary, update?.address]).toEqual(hint("update"));
    expect([more, update?.detail]).toEqual([[], expect.stringContaining("network:vpcs:update")]);
    workspace.write(vpc("looked-at").replace("10.0.0.0/16", "10.8.0.0/16"));
    expect((await said(workspace)).sort()).toEqual([hint("create"), hint("delete")]);
    workspace.write("");
    // The block is gone, so that Terraform has no address to show it at.
    expect(await said(workspace)).toEqual([hint("delete").with(2, undefined)]);
  });

  test("is told nothing where plans are not checked, and who may do it all is told nothing", async () => {
    const unasked = `provider "photoncloud" {\n  plan_checks = false\n}\n`;
    expect(await said(await stage.openApart(unasked + vpc("new-one"), { token: viewer }))).toEqual([]);
    expect(await said(await stage.openApart(vpc("new-one")))).toEqual([]);
  });
});

test("what the same plan creates or takes out of the way is no reason to refuse", async () => {
  const chain = (cidr: string) => `${vpc("chain")}resource "photoncloud_subnet" "a" {
  name = "chain"
  vpc_id = photoncloud_vpc.a.id
  cidr = "${cidr}"
}
resource "photoncloud_port" "a" {
  name = "chain"
  subnet_id = photoncloud_subnet.a.id
}
`;
  const workspace = await stage.openApart(chain("10.0.1.0/24"));
  expect(await planned(workspace)).toEqual([]);
  await workspace.apply();
  // Another block replaces the subnet: the one that has its name goes away first.
  workspace.write(chain("10.0.2.0/24"));
  expect(await planned(workspace)).toEqual([]);
  expect(await workspace.plan()).toEqual(
    expect.objectContaining({ "photoncloud_subnet.a": "replace", "photoncloud_port.a": "replace" }),
  );
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
});

test("what is tainted may be made anew with the same name", async () => {
  const workspace = await stage.openApart(vpc("tainted"));
  await workspace.apply();
  await workspace.must("taint", "photoncloud_vpc.a");
  expect(told(await planned(workspace)).filter(([severity]) => severity === "error")).toEqual([]);
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
});

test("a resource of a project that the same plan creates is not refused", async () => {
  const token = await stage.cloud.adminToken();
  const hcl = `resource "photoncloud_project" "new" {\n  id = "brand-new"\n}\n${vpc("a", "  project_id = photoncloud_project.new.id\n")}`;
  const workspace = await stage.openApart(hcl, { token });
  expect(await planned(workspace)).toEqual([]);
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
});

test("a default that the cloud foresees is shown, and is what it becomes", async () => {
  const hcl = `${vpc("foreseen")}resource "photoncloud_subnet" "a" {\n  name = "foreseen"\n  vpc_id = photoncloud_vpc.a.id\n}\n`;
  const workspace = await stage.openApart(hcl);
  await workspace.must("plan", "-input=false", "-out=plan.bin");
  const shown: unknown = JSON.parse(await workspace.must("show", "-json", "plan.bin"));
  expect(JSON.stringify(shown)).toContain('"mtu":1442');
  await workspace.must("apply", "-input=false", "plan.bin");
  expect((await workspace.state())["photoncloud_subnet.a"]?.mtu).toBe(1442);
  expect(await workspace.plan()).toEqual({});
});

describe("a change of a machine", () => {
  const vm = (cpu: number, disks: readonly string[]) => `resource "photoncloud_vm" "a" {
  name = "worker"
  spec = {
    cpu = ${cpu}
    memory = 512
    disks = [${disks.map((id) => `{ id = "${id}", size_gib = 1 }`).join(", ")}]
  }
}
`;

  test("that removes a disk is no update until somebody says that its data may be lost", async () => {
    const workspace = await stage.openApart(vm(1, ["root", "data"]));
    await workspace.apply();
    workspace.write(vm(1, ["root"]));
    const [refusal, ...more] = await planned(workspace);
    expect(more).toEqual([]);
    const { severity, summary, address, detail } = refusal ?? {};
    expect([severity, summary, address]).toEqual(["error", "This change loses data", "photoncloud_vm.a"]);
    expect(detail).toMatch(/^spec\.disks: This change.*Lost: id data, size_gib 1.*allow_data_loss/s);
    expect((await workspace.run("apply", "-auto-approve", "-input=false")).code).toBe(1);
    expect((await workspace.state())["photoncloud_vm.a"]?.spec).toMatchObject({
      disks: [{ id: "root" }, { id: "data" }],
    });
    workspace.write(`provider "photoncloud" {\n  allow_data_loss = true\n}\n${vm(1, ["root"])}`);
    expect((await planned(workspace)).map((d) => [d.severity, d.summary])).toEqual([["warning", summary]]);
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    await workspace.destroy();
  });

  test("that is protected from it, be it a removal or a replacement, is refused in the plan", async () => {
    const kept = vm(1, ["root"]).replace("name =", "deletion_protection = true\n  name =");
    const workspace = await stage.openApart(kept);
    await workspace.apply();
    const refusals = async () => (await planned(workspace)).map((d) => [d.severity, d.summary, d.detail]);
    const why = expect.stringMatching(
      /^Removing vm worker: .*deletion_protection.* set it to false first.*Request id: /s,
    );
    const refusal = ["error", "It is protected", why];
    workspace.write(kept.replace("cpu =", 'machine = "microvm"\n    cpu ='));
    expect(await refusals()).toEqual([refusal]);
    workspace.write("");
    expect(await refusals()).toEqual([refusal]);
    workspace.write(vm(1, ["root"]).replace("name =", "deletion_protection = false\n  name ="));
    await workspace.apply();
    await workspace.destroy();
  });

  test("that restarts it says so", async () => {
    const workspace = await stage.openApart(vm(2, ["root"]));
    await workspace.apply();
    workspace.write(vm(1, ["root"]));
    const all = await planned(workspace);
    expect(all.map((d) => [d.severity, d.summary])).toEqual([["warning", "This change restarts it"]]);
    expect(all[0]?.detail).toContain("spec.cpu");
    await workspace.destroy();
  });
});

test("without a server a plan is made all the same, with one warning", async () => {
  const three = `resource "photoncloud_vpc" "a" {\n  count = 3\n  name = "v-\${count.index}"\n  cidr = "10.0.0.0/16"\n}\n`;
  // In a process of its own, which sees that Terraform's command is a plan.
  const workspace = await Workspace.open({ ...acme, url: "http://127.0.0.1:9" }, three);
  try {
    const all = await planned(workspace);
    expect(all.map((d) => [d.severity, d.summary])).toEqual([["warning", "The cloud has not checked this plan"]]);
    expect(all[0]?.detail).toMatch(
      /^It could not be asked: can.t reach http:\/\/127.0.0.1:9 \(ECONNREFUSED\).*quotas and permissions/s,
    );
    expect(Object.keys(await workspace.plan())).toHaveLength(3);
  } finally {
    workspace.close();
  }
});
