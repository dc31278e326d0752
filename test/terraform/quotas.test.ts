// A plan that is held against quotas: refused at the resource that is too much, also where each of its resources fits by itself.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";
import { reattach } from "./reattached.ts";
import { as, Stage } from "./stage.ts";
import { type Login, Workspace } from "./workspace.ts";

let stage: Stage;
let tenant: Login;
let workspace: Workspace;
let projects = 0;

beforeAll(async () => {
  stage = await Stage.set(as("acme-corp", "project-0"));
});
beforeEach(async () => {
  tenant = await as("acme-corp", `project-${++projects}`)(stage.cloud);
  workspace = await stage.openApart("", tenant);
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

async function limit(limits: Readonly<Record<string, number>>): Promise<void> {
  const quota = { org_id: tenant.orgId, project_id: tenant.projectId, limits };
  const { status } = await postJson(
    tenant.url,
    "creditservice.v1.QuotaService/CreateQuota",
    quota,
    await stage.cloud.adminToken(),
  );
  expect(status).toBe(200);
}

const vpcs = (names: readonly string[], cidr = "10.0.0.0/16") =>
  `resource "photoncloud_vpc" "a" {\n  for_each = toset(${JSON.stringify(names)})\n  name = each.key\n  cidr = "${cidr}"\n}\n`;
const planned = () => workspace.diagnostics("plan", "-input=false");

test("one resource too many is an error at that resource, in the cloud's words", async () => {
  await limit({ vpcs: 0 });
  workspace.write(vpcs(["main"]));
  const [refusal, ...more] = await planned();
  expect([refusal?.severity, refusal?.address, more]).toEqual(["error", 'photoncloud_vpc.a["main"]', []]);
  expect(refusal?.detail).toMatch(/for vpcs is 0: 0 are used, and 1 more would be needed; .*Request id: /s);
});

test("what asks for too much of a sum is told at its attribute", async () => {
  await limit({ vcpus: 2 });
  workspace.write('resource "photoncloud_vm" "a" {\n  name = "big"\n  spec = {\n    cpu = 3\n  }\n}\n');
  const [refusal, ...more] = await planned();
  expect([refusal?.severity, refusal?.snippet?.code, more]).toEqual(["error", expect.stringContaining("cpu = 3"), []]);
});

test("resources that fit one by one and not together are refused in the plan, and those that fit are made, replaced and added to", async () => {
  await limit({ vpcs: 2 });
  workspace.write(vpcs(["a", "b", "c"]));
  const refusals = await planned();
  expect(refusals.map((d) => [d.severity, d.summary])).toEqual([["error", "This plan goes beyond a quota"]]);
  expect(refusals[0]?.detail).toMatch(/for vpcs is 2: 0 are used, and with vpc [abc] this plan needs 3 more\./);
  workspace.write(vpcs(["a", "b"]));
  await workspace.must("apply", "-auto-approve", "-input=false");
  expect(await planned()).toEqual([]);
  workspace.write(vpcs(["a", "b"], "10.1.0.0/16"));
  expect((await planned()).filter(({ severity }) => severity === "error")).toEqual([]);
  await workspace.must("apply", "-auto-approve", "-input=false");
  workspace.write(vpcs(["a", "b", "c"], "10.1.0.0/16"));
  expect((await planned()).map((d) => [d.severity, d.address])).toEqual([["error", 'photoncloud_vpc.a["c"]']]);
}, 120_000);

test("what the same plan removes is room for what it creates", async () => {
  await limit({ vpcs: 2 });
  workspace.write(vpcs(["a", "b"]));
  await workspace.apply();
  workspace.write(vpcs(["b", "c"]));
  const { changes, diagnostics } = await workspace.planned("-input=false");
  expect(diagnostics.map(({ severity }) => severity)).toEqual(["warning"]);
  expect(Object.values(changes).sort()).toEqual(["create", "delete"]);
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
}, 240_000);

test("a plan that is made one by one refuses nothing that what comes after it may mend", async () => {
  await limit({ vpcs: 1 });
  workspace.write(vpcs(["b"]));
  await workspace.apply();
  workspace.write(vpcs(["a"]));
  const serial = await reattach(tenant, { TF_CLI_ARGS_plan: "-parallelism=1" });
  try {
    const { changes } = await new Workspace(workspace.directory, { ...serial.env }).planned("-input=false");
    expect(Object.values(changes).sort()).toEqual(["create", "delete"]);
  } finally {
    serial.close();
  }
}, 240_000);

test("an apply that makes less room than it takes ends, and says which quota is in the way", async () => {
  await limit({ vpcs: 2 });
  workspace.write(vpcs(["a", "b"]));
  await workspace.apply();
  workspace.write(vpcs(["b", "c", "d"]));
  await workspace.must("plan", "-input=false");
  const { code, stderr } = await workspace.run("apply", "-auto-approve", "-input=false", "-no-color");
  expect([code, stderr]).toEqual([1, expect.stringContaining("A quota leaves no room")]);
  expect(Object.keys(await workspace.state())).toHaveLength(2);
}, 240_000);
