// A change that loses data is refused by the cloud itself, where nobody asked it about the plan, by whatever way it comes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { isPhotonError, PhotonCloud } from "@photoncloud/sdk";
import { postJson } from "@photoncloud/server/testing";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { as, Stage } from "./stage.ts";
import type { Login, Workspace } from "./workspace.ts";

let stage: Stage;
let acme: Login;
let workspace: Workspace;

beforeAll(async () => {
  stage = await Stage.set(as("acme-corp", "project-alpha"));
  acme = stage.login;
  workspace = await stage.open();
});

afterAll(() => stage.close());

const [root, data] = [
  { id: "root", sizeGib: 1 },
  { id: "data", sizeGib: 1 },
];
const at = () => ({ orgId: acme.orgId, projectId: acme.projectId });

async function made(name: string): Promise<string> {
  const body = { ...at(), name, spec: { disks: [root, data] } };
  return String((await postJson(acme.url, "plasmavmc.v1.VmService/CreateVm", body, acme.token)).body.id);
}

async function disksOf(id: string): Promise<readonly string[]> {
  const { body } = await postJson(acme.url, "plasmavmc.v1.VmService/GetVm", { ...at(), id }, acme.token);
  const { disks } = body.spec as { disks: { id: string }[] };
  return disks.map((disk) => disk.id);
}

describe("in an apply whose plan was not checked", () => {
  const machine = (disks: readonly string[], more: string) => `provider "photoncloud" {
  plan_checks = false
${more}}
resource "photoncloud_vm" "a" {
  name = "unchecked"
  spec = {
    disks = [${disks.map((id) => `{ id = "${id}", size_gib = 1 }`).join(", ")}]
  }
}
`;

  test("it is refused at its attribute, until the configuration allows it; a plan that was saved before, too", async () => {
    workspace.write(machine(["root", "data"], ""));
    await workspace.apply();
    const id = String((await workspace.state())["photoncloud_vm.a"]?.id);
    workspace.write(machine(["root"], ""));
    await workspace.must("plan", "-input=false", "-out=saved");
    const [refusal, ...more] = await workspace.diagnostics("apply", "-auto-approve", "-input=false");
    expect([refusal?.severity, refusal?.summary, refusal?.address, more]).toEqual([
      "error",
      "This change loses data",
      "photoncloud_vm.a",
      [],
    ]);
    expect(refusal?.detail).toMatch(/Nothing of this resource was changed.*allow_data_loss = true.*Request id: /s);
    const { code, stderr } = await workspace.run("apply", "-input=false", "-no-color", "saved");
    expect([code, stderr]).toEqual([1, expect.stringContaining("This change loses data")]);
    expect(await disksOf(id)).toEqual(["root", "data"]);
    workspace.write(machine(["root"], "  allow_data_loss = true\n"));
    await workspace.apply();
    expect(await disksOf(id)).toEqual(["root"]);
    expect(await workspace.plan()).toEqual({});
  });
});

describe("in a call", () => {
  let id: string;
  let names = 0;
  beforeEach(async () => {
    id = await made(`vm-${++names}`);
  });
  const path = "/plasmavmc.v1.VmService/UpdateVm";
  const body = () => ({ ...at(), id, vm: { spec: { disks: [root] } }, updateMask: "spec.disks" });
  const post = (to: string, what: unknown, headers: Readonly<Record<string, string>>) =>
    fetch(`${acme.url}${to}`, {
      method: "POST",
      headers: { authorization: `Bearer ${acme.token}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(what),
    }).then((answer) => answer.text());

  const ways: readonly (readonly [string, (headers: Readonly<Record<string, string>>) => Promise<string>])[] = [
    ["by itself", (headers) => post(path, body(), headers)],
    ["among others", (headers) => post("/batch", { calls: [{ path, headers, body: body() }] }, {})],
  ];
  test.each(ways)("%s it is refused, unless its header says that it is meant", async (_, send) => {
    for (const headers of [{}, { "photon-allow-data-loss": "false" }])
      expect(await send(headers)).toMatch(/failed_precondition.*spec\.disks/s);
    expect(await send({ "photon-allow-data-loss": "yes" })).toContain("must be true or false");
    expect(await disksOf(id)).toEqual(["root", "data"]);
    expect(await send({ "photon-allow-data-loss": "true" })).not.toContain("failed_precondition");
    expect(await disksOf(id)).toEqual(["root"]);
  });

  test("the command's says it as a flag", async () => {
    const env = {
      PHOTON_ENDPOINT: acme.url,
      PHOTON_TOKEN: acme.token,
      PHOTON_ORG: acme.orgId,
      PHOTON_PROJECT: acme.projectId,
    };
    const update = (...more: string[]) =>
      runPhoton(["vm", "update", id, "-f", "-", ...more], {
        env,
        now: Date.now(),
        stdin: JSON.stringify({ spec: { disks: [{ id: "root", size_gib: 1 }] } }),
      });
    const { code, err } = await update();
    expect([code, err]).toEqual([expect.any(Number), expect.stringContaining("--allow-data-loss")]);
    expect(await disksOf(id)).toEqual(["root", "data"]);
    expect((await update("--allow-data-loss")).code).toBe(0);
    expect(await disksOf(id)).toEqual(["root"]);
  });

  test("the SDK's says it as an option", async () => {
    const { vms } = new PhotonCloud({
      endpoint: acme.url,
      credentials: { token: acme.token },
      org: acme.orgId,
      project: acme.projectId,
    });
    const vm = await vms.create({ name: "by-sdk", spec: { disks: [root, data] } });
    const changes = { spec: { disks: [root] } };
    const refused = await vms.update(vm.id, changes).catch((error: unknown) => error);
    expect(isPhotonError(refused, "failed_precondition", "DATA_LOSS") && refused.violations).toMatchObject([
      { path: "spec.disks", rule: "data_loss" },
    ]);
    expect(await disksOf(vm.id)).toEqual(["root", "data"]);
    await vms.update(vm.id, changes, { allowDataLoss: true });
    expect(await disksOf(vm.id)).toEqual(["root"]);
  });
});
