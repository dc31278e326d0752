// The server's own storage of states, by the real Terraform's http backend: kept, locked, given back, and nobody else's.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { type Reattached, reattach } from "./reattached.ts";
import { until } from "./server-process.ts";
import { Workspace } from "./workspace.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-state-"));
const keyFile = join(folder, "master.key");
let cloud: TestCloud;
let tenant: TestTenant;
let stranger: TestTenant;
let provider: Reattached;
const opened: Workspace[] = [];

beforeAll(async () => {
  writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
  cloud = await startTestCloud({ argv: ["--terraform-state", "--master-key-file", keyFile] });
  [tenant, stranger] = [await cloud.tenant("acme", "main"), await cloud.tenant("rival", "main")];
  provider = await reattach({ ...tenant, url: cloud.url });
});

afterAll(async () => {
  for (const one of opened) one.close();
  provider.close();
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const addressOf = (name: string) => `${cloud.url}/terraform/state/acme/main/${name}`;
/** All states of the project. */
const listing = () => `${cloud.url}/terraform/state/acme/main`;
const backend = `terraform {\n  backend "http" {}\n}\n`;
const canary = `canary-${randomBytes(8).toString("hex")}`;
const remembered = (value: string) => `resource "terraform_data" "it" {\n  input = "${value}"\n}\n`;

/** What Terraform's http backend reads of its environment. */
function backendOf(name: string, who: TestTenant): Record<string, string> {
  const address = addressOf(name);
  return {
    TF_HTTP_ADDRESS: address,
    TF_HTTP_LOCK_ADDRESS: address,
    TF_HTTP_UNLOCK_ADDRESS: address,
    TF_HTTP_USERNAME: who.serviceAccountId,
    TF_HTTP_PASSWORD: who.keySecret,
    TF_HTTP_RETRY_MAX: "0",
  };
}

async function open(name: string, hcl: string, who = tenant): Promise<Workspace> {
  const env = { ...provider.env, ...backendOf(name, who) };
  const workspace = await Workspace.open({ ...tenant, url: cloud.url }, backend + hcl, env);
  opened.push(workspace);
  return workspace;
}

async function ask(method: string, address: string, who = tenant, body?: string) {
  const authorization = `Basic ${Buffer.from(`x:${who.token}`).toString("base64")}`;
  const answer = await fetch(address, { method, headers: { authorization }, ...(body && { body }) });
  return { status: answer.status, text: await answer.text() };
}

test("a state is kept between directories, versions of it too, and nothing lies on disk or readable in the database", async () => {
  const first = await open("web", remembered(canary));
  await first.apply();
  const second = await open("web", remembered(canary));
  expect(await second.plan()).toEqual({});
  second.write(backend + remembered("other"));
  await second.apply();
  const { states } = JSON.parse((await ask("GET", listing())).text);
  expect(states.find(({ name }: { name: string }) => name === "web")).toMatchObject({
    lock: null,
    versions: [{ version: 1 }, { version: 2 }],
  });
  expect((await ask("GET", `${addressOf("web")}?version=1`)).text).toContain(canary);
  expect((await ask("GET", addressOf("web"))).text).toContain("other");
  expect(readdirSync(first.directory)).not.toContain("terraform.tfstate");
  const kept = readdirSync(cloud.dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  for (const file of kept) expect(readFileSync(join(file.parentPath, file.name), "latin1")).not.toContain(canary);
});

test("of two applies at once one goes on, and the other says who is in its way", async () => {
  const slow = `resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n    command = "while ! [ -e go ]; do sleep 0.1; done"\n  }\n}\n`;
  const [one, other] = [await open("both", slow), await open("both", slow)];
  const running = one.start("apply", "-auto-approve", "-input=false", "-no-color");
  await until("the first apply's lock", async () => (await ask("GET", listing())).text.includes("OperationTypeApply"));
  const { code, stderr } = await other.run("apply", "-auto-approve", "-input=false", "-no-color");
  expect([code, stderr.replace(/\s+/g, " ")]).toEqual([
    1,
    expect.stringMatching(/Error acquiring the state lock.*OperationTypeApply/),
  ]);
  writeFileSync(join(one.directory, "go"), "");
  expect((await running.done).code).toBe(0);
  writeFileSync(join(other.directory, "go"), "");
  expect(await other.plan()).toEqual({});
});

test("a lock that was left behind is broken by force-unlock, and who had it writes no more", async () => {
  const workspace = await open("left", remembered("a"));
  await workspace.apply();
  expect((await ask("LOCK", addressOf("left"), tenant, '{"ID":"4711","Who":"a crash"}')).status).toBe(200);
  expect((await ask("POST", addressOf("left"), tenant, "{}")).status).toBe(423);
  const refused = await workspace.run("plan", "-input=false", "-no-color");
  expect(refused.stderr).toContain("4711");
  await workspace.must("force-unlock", "-force", "4711");
  expect(await workspace.plan()).toEqual({});
  const late = await ask("POST", `${addressOf("left")}?ID=4711`, tenant, "{}");
  expect([late.status, late.text]).toEqual([409, expect.stringContaining("no longer yours")]);
});

test("a stranger and a wrong key get nothing", async () => {
  for (const [method, body] of [["GET"], ["POST", "{}"], ["LOCK", '{"ID":"x"}'], ["UNLOCK"], ["DELETE"]] as const)
    expect([method, (await ask(method, addressOf("web"), stranger, body)).status]).toEqual([method, 403]);
  await expect(open("web", remembered("a"), stranger)).rejects.toThrow(/auth/);
  await expect(open("web", remembered("a"), { ...tenant, keySecret: `${tenant.keySecret}x` })).rejects.toThrow(/auth/);
  expect((await fetch(addressOf("web"))).status).toBe(401);
  expect((await ask("GET", addressOf("..%2fx"))).status).toBe(400);
});

test("a project that is made anew under an old id begins with no state", async () => {
  const admin = { ...tenant, token: await cloud.adminToken() };
  const project = (verb: string) =>
    postJson(cloud.url, `iam.v1.ProjectService/${verb}Project`, { orgId: "acme", id: "again" }, admin.token);
  const address = `${cloud.url}/terraform/state/acme/again/web`;
  expect((await ask("POST", address, admin, "{}")).status).toBe(404);
  await project("Create");
  expect((await ask("POST", address, admin, '{"of":"the first"}')).status).toBe(200);
  expect((await ask("GET", address, admin)).text).toContain("the first");
  expect((await project("Delete")).status).toBe(200);
  await until("the project's end", async () => (await project("Get")).status === 404);
  expect((await project("Create")).status).toBe(200);
  expect((await ask("GET", address, admin)).status).toBe(404);
});

test("what is no state, or too large, is refused", async () => {
  expect((await ask("POST", addressOf("bad"), tenant, "not json")).status).toBe(400);
  expect(
    (await ask("POST", addressOf("bad"), tenant, `"${"x".repeat(33 * 1024 * 1024)}"`).catch(() => ({ status: 429 })))
      .status,
  ).toBe(429);
  expect((await ask("GET", addressOf("bad"))).status).toBe(404);
});
