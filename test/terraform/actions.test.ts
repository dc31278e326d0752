// Actions (Terraform 1.14), played by grpc-js against a cloud: a kind's own methods, without a line for any of them.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { postJson } from "@photoncloud/server/testing";
import { actionSchemas } from "../../provider/src/action/action-schema.ts";
import type { Attribute } from "../../provider/src/attribute.ts";
import { unknown } from "../../provider/src/cty/value.ts";
import { withinShape } from "../../provider/src/schema.ts";
import { BlockCodec } from "../../provider/src/wire.ts";
import { json, PlayedTerraform, sentences } from "./played.ts";
import { reattach } from "./reattached.ts";
import { as, Stage } from "./stage.ts";
import type { Login } from "./workspace.ts";

const schemas = new Map(actionSchemas(catalog()).map((schema) => [schema.typeName, schema]));
let stage: Stage;
let tenant: Login;
let terraform: PlayedTerraform;
let vmId: string;

async function vm(method: string, more: object = {}) {
  const request = { orgId: "acme", projectId: "main", ...more };
  const { body } = await postJson(tenant.url, `plasmavmc.v1.VmService/${method}`, request, tenant.token);
  return body;
}

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  tenant = stage.login;
  terraform = stage.terraform;
  await terraform.configure();
  vmId = String((await vm("CreateVm", { name: "web", spec: { disks: [{ id: "root", sizeGib: 1 }] } })).id);
});

afterAll(() => stage.close());

async function invoke(action: string, config: object) {
  const events = await terraform.stream("invokeAction", { actionType: `photoncloud_${action}`, config: json(config) });
  const last = events.at(-1)?.type;
  return {
    progress: events.flatMap(({ type }) => (type?.$case === "progress" ? [type.value.message] : [])),
    problems: last?.$case === "completed" ? sentences(last.value.diagnostics) : ["it did not complete"],
  };
}

const check = async (action: string, config: object) =>
  (await terraform.call("validateActionConfig", { actionType: `photoncloud_${action}`, config: json(config) }))
    .diagnostics;

describe("an action", () => {
  test.each([
    ["vm_stop", "POWER_STATE_STOPPED", "VM_STATE_STOPPED"],
    ["vm_start", "POWER_STATE_RUNNING", "VM_STATE_RUNNING"],
  ])("%s is done, and waited for", async (action, powerState, state) => {
    const { progress, problems } = await invoke(action, { id: vmId });
    expect(problems).toEqual([]);
    expect(progress[0]).toContain(`vm ${vmId}`);
    expect(await vm("GetVm", { id: vmId })).toMatchObject({ powerState, state });
  });

  test("vm_reboot is waited for until the guest is back", async () => {
    await invoke("vm_start", { id: vmId });
    expect((await invoke("vm_reboot", { id: vmId })).problems).toEqual([]);
    expect(await vm("GetVm", { id: vmId })).toMatchObject({ state: "VM_STATE_RUNNING", reboots: 1, rebootsDone: 1 });
  });

  test("vm_snapshot_create makes one each time that it is invoked", async () => {
    for (const _ of [1, 2]) {
      const { progress, problems } = await invoke("vm_snapshot_create", { vm_id: vmId, labels: { by: "hand" } });
      expect(problems).toEqual([]);
      expect(progress.join("\n")).toMatch(/^CreateVmSnapshot: vm_snapshot/);
    }
    const request = { orgId: "acme", projectId: "main", filter: 'labels["by"] = "hand"' };
    const { body } = await postJson(
      tenant.url,
      "plasmavmc.v1.VmSnapshotService/ListVmSnapshots",
      request,
      tenant.token,
    );
    expect(body.vmSnapshots).toMatchObject([1, 2].map(() => ({ vmId, status: { state: "STATE_READY" } })));
  });

  test("service_account_key_rotate gives a key the secret that it is told, and tells it nobody", async () => {
    const [account, secret] = ["deployer", `pck_${"r0tated".repeat(7).slice(0, 43)}`];
    const ask = async (path: string, body: object) => (await postJson(tenant.url, `iam.v1.${path}`, body, admin)).body;
    const admin = await stage.cloud.adminToken();
    await ask("ServiceAccountService/CreateServiceAccount", { orgId: "acme", id: account });
    const made = { orgId: "acme", serviceAccountId: account };
    const { id } = await ask("ServiceAccountKeyService/CreateServiceAccountKey", made);
    const config = { id, org_id: "acme", secret };
    const attached = await reattach({ ...tenant, token: admin });
    const played = new PlayedTerraform(attached);
    await played.configure();
    const request = { actionType: "photoncloud_service_account_key_rotate", config: json(config) };
    const events = await played.stream("invokeAction", request);
    played.close();
    attached.close();
    expect(JSON.stringify(events)).not.toContain(secret);
    expect(events.at(-1)?.type).toEqual({ $case: "completed", value: { diagnostics: [] } });
    const login = { orgId: "acme", principalId: account, keySecret: secret };
    expect(await ask("IamTokenService/IssueToken", login)).toMatchObject({ token: expect.any(String) });
  });

  test("names the tenant where that is not the provider's", async () => {
    const { problems } = await invoke("vm_stop", { id: vmId, project_id: "another" });
    expect(problems.join()).toMatch(/ermission|ot found/);
  });

  test("tells why it was refused", async () => {
    const { problems } = await invoke("vm_restore", { id: vmId, snapshot_id: "vmsnap-01m81ne5pt3emw82v2r8sdq005" });
    expect(problems).toHaveLength(1);
    expect(problems.join()).toMatch(/snapshot|stopped/);
  });
});

describe("the checks before it", () => {
  test("name the attribute", async () => {
    const found = await check("port_attach_device", { id: "port-1", device_type: "spaceship", device_id: "d" });
    expect(found.map(({ attribute }) => attribute?.steps[0]?.selector)).toEqual([
      { $case: "attributeName", value: "device_type" },
    ]);
    expect(await check("vm_start", { id: vmId })).toEqual([]);
  });

  test("wait for an id that is not known, where Terraform can wait", async () => {
    const codec = new BlockCodec(schemas.get("photoncloud_vm_start")?.attributes ?? []);
    const config = codec.encode(
      new Map([
        ["id", unknown],
        ["org_id", null],
        ["project_id", null],
      ]),
    );
    const plan = (deferralAllowed: boolean) =>
      terraform.call("planAction", {
        actionType: "photoncloud_vm_start",
        config,
        clientCapabilities: { deferralAllowed },
      });
    expect((await plan(true)).deferred).toEqual({ reason: 1 });
    expect(await plan(false)).toEqual({ diagnostics: [], deferred: undefined });
  });
});

/** What an attribute of an action may be in Terraform: given, and nothing else. */
const isGiven = (one: Attribute): boolean =>
  one.required !== one.optional && !one.computed && !one.sensitive && withinShape(one.shape).every(isGiven);

test("there is one for everything that is done by hand, which Terraform takes", () => {
  const ofVm = ["start", "stop", "reboot", "reset", "snapshot_create"].map((verb) => `vm_${verb}`);
  const names = [...ofVm, "host_drain", "service_account_key_rotate"].map((name) => `photoncloud_${name}`);
  expect([...schemas.keys()]).toEqual(expect.arrayContaining(names));
  for (const { typeName, attributes } of schemas.values())
    expect([typeName, attributes.filter((one) => !isGiven(one)).map(({ name }) => name)]).toEqual([typeName, []]);
});

test("the schemas tell of every method that changes one resource, and of no other", async () => {
  const { actionSchemas: told } = await terraform.call("getProviderSchema", {});
  expect(Object.keys(told).sort()).toEqual([...schemas.keys()].sort());
  expect(Object.keys(told)).toEqual(expect.arrayContaining(["photoncloud_vm_reset", "photoncloud_host_fence"]));
  expect(Object.keys(told).join()).not.toMatch(/analyze|statistics|preview/);
  expect(told.photoncloud_host_fence?.schema?.block?.attributes.map(({ name }) => name)).toEqual(["id"]);
});
