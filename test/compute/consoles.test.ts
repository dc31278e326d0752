// Consoles from outside: a URL that is good once, a WebSocket, and everything that ends it.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { call, type Json } from "../isolation/calls.ts";
import { must } from "../isolation/world.ts";
import { textOf, typesOn, upgradeStatus, Viewer } from "./console-client.ts";
import { ConsoleCommand, environmentOf } from "./console-command.ts";

const service = "plasmavmc.v1.ConsoleService";
let cloud: TestCloud;
let tenant: TestTenant;
let vmId: string;

async function makeVm(name: string): Promise<string> {
  const { orgId, projectId, token } = tenant;
  const vm = { orgId, projectId, name, spec: { disks: [{ id: "root", size_gib: 4 }] } };
  const wait = { "photon-wait-ms": "15000" };
  const { body } = await call(cloud.url, "plasmavmc.v1.VmService/CreateVm", vm, token, wait);
  return textOf(body, "id");
}

beforeAll(async () => {
  cloud = await startTestCloud({ argv: ["--console-origins", "https://console.example"] });
  tenant = await cloud.tenant("acme", "alpha");
  vmId = await makeVm("web");
});
afterAll(() => cloud.stop());

const named = (id = vmId): Json => ({ orgId: tenant.orgId, projectId: tenant.projectId, vm_id: id });
const open = (body: Json = named(), token = tenant.token) => must(cloud.url, `${service}/OpenConsole`, body, token);
const urlOf = async (id = vmId) => textOf(await open(named(id)), "url");

test("a console's URL opens it once, and bytes go both ways", async () => {
  const url = await urlOf();
  expect(url).toMatch(new RegExp(`^${cloud.url.replace("http", "ws")}/console/`));
  const viewer = new Viewer(url);
  await viewer.says("is simulated");
  expect(viewer.socket.protocol).toBe("binary");
  viewer.type("echo this\r");
  await viewer.says("echo this\r\n");
  expect(await upgradeStatus(url)).toBe(401);
  viewer.close();
  expect(await viewer.closed).toMatchObject({ code: 1005 });
});

test("the log is read without a viewer, and as much of it as was asked for", async () => {
  const viewer = new Viewer(await urlOf());
  await viewer.says("is simulated");
  viewer.type("for the log\r");
  await viewer.says("for the log\r\n");
  viewer.close();
  const read = async (more: Json) =>
    textOf(await must(cloud.url, `${service}/ReadConsoleLog`, { ...named(), ...more }, tenant.token), "log");
  expect(await read({})).toContain("for the log\r\n");
  expect(await read({ max_bytes: 6 })).toBe(" log\r\n");
  const tooMuch = await call(cloud.url, `${service}/ReadConsoleLog`, { ...named(), max_bytes: 2 ** 21 }, tenant.token);
  expect(tooMuch).toMatchObject({ code: "invalid_argument" });
});

test("a machine without that console, or one that does not run, says so", async () => {
  const screen = textOf(await open({ ...named(), type: "CONSOLE_TYPE_VNC" }), "url");
  expect(await upgradeStatus(screen)).toBe(400);
  const id = await makeVm("stopped");
  const wait = { "photon-wait-ms": "15000" };
  const { orgId, projectId } = tenant;
  const url = await urlOf(id);
  const viewer = new Viewer(await urlOf(id));
  await viewer.says("is simulated");
  await call(cloud.url, "plasmavmc.v1.VmService/StopVm", { orgId, projectId, id }, tenant.token, wait);
  expect(await viewer.closed).toMatchObject({ code: 1005 });
  expect(await upgradeStatus(url)).toBe(400);
  const late = await call(cloud.url, `${service}/OpenConsole`, named(id), tenant.token);
  expect(late).toMatchObject({ code: "failed_precondition" });
  expect(late.text).toContain("start it first");
});

const origins: readonly (readonly [string, () => string, number])[] = [
  ["of the server's own address", () => cloud.url, 101],
  ["that the operator named", () => "https://console.example", 101],
  ["of anybody else", () => "https://evil.example", 403],
  ["that is none", () => "null", 403],
];

test.each(origins)("a page of an origin %s is answered as it should be", async (_, originOf, status) => {
  expect(await upgradeStatus(await urlOf(), { origin: originOf() })).toBe(status);
});

test("other paths take no WebSocket, and other upgrades are answered as if they were none", async () => {
  expect(await upgradeStatus(`${cloud.url}/elsewhere`)).toBe(404);
  expect(await upgradeStatus(`${cloud.url}/console/nobody.knows`)).toBe(401);
  expect(await upgradeStatus(`${cloud.url}/healthz`, { upgrade: "h2c" })).toBe(200);
});

test("a console ends when the session that opened it does, and its other URLs are good no more", async () => {
  const { orgId, projectId, serviceAccountId: principalId, keySecret } = tenant;
  const login = { orgId, projectId, principalId, keySecret };
  const token = textOf(await must(cloud.url, "iam.v1.IamTokenService/IssueToken", login, ""), "token");
  const [used, unused] = [textOf(await open(named(), token), "url"), textOf(await open(named(), token), "url")];
  const viewer = new Viewer(used);
  await viewer.says("is simulated");
  await must(cloud.url, "iam.v1.IamTokenService/RevokeToken", { token }, token);
  expect(await upgradeStatus(unused)).toBe(401);
  const { code, reason } = await viewer.closed;
  expect({ code, reason }).toEqual({ code: 1008, reason: "the session that opened this console has ended" });
});

test("a console ends with the permission to see it, and its other URLs are good no more", async () => {
  const { orgId, projectId } = tenant;
  const admin = await cloud.adminToken();
  const user = { org_id: orgId, id: "guest", password: "a quite long phrase" };
  await must(cloud.url, "iam.v1.UserService/CreateUser", user, admin);
  const binding = { org_id: orgId, project_id: projectId, principal: `user:${orgId}/guest`, role_id: "ProjectMember" };
  const { id } = await must(cloud.url, "iam.v1.RoleBindingService/CreateRoleBinding", binding, admin);
  const login = { org_id: orgId, principal_id: "guest", password: user.password };
  const token = textOf(await must(cloud.url, "iam.v1.IamTokenService/IssueToken", login, ""), "token");
  const [used, unused] = [textOf(await open(named(), token), "url"), textOf(await open(named(), token), "url")];
  const viewer = new Viewer(used);
  await viewer.says("is simulated");
  const target = { org_id: orgId, project_id: projectId, id };
  await must(cloud.url, "iam.v1.RoleBindingService/DeleteRoleBinding", target, admin);
  expect(await upgradeStatus(unused)).toBe(403);
  const { code, reason } = await viewer.closed;
  expect({ code, reason }).toEqual({ code: 1008, reason: expect.stringContaining("compute:vms:console") });
});

test("what is typed after a console's end reaches no machine, although its viewer stays", async () => {
  const { orgId, projectId, serviceAccountId: principalId, keySecret } = tenant;
  const id = await makeVm("guarded");
  const login = { orgId, projectId, principalId, keySecret };
  const token = textOf(await must(cloud.url, "iam.v1.IamTokenService/IssueToken", login, ""), "token");
  const url = textOf(await open(named(id), token), "url");
  const logOf = async () => textOf(await must(cloud.url, `${service}/ReadConsoleLog`, named(id), tenant.token), "log");
  const revoke = async () => {
    for (const late = Date.now() + 15_000; !(await logOf()).includes("in time"); )
      if (Date.now() > late) throw new Error("the machine heard nothing");
    await must(cloud.url, "iam.v1.IamTokenService/RevokeToken", { token }, token);
  };
  let revoked: Promise<void> | undefined;
  const opened = (type: (text: string) => void) => {
    type("in time\r");
    revoked = revoke();
  };
  await typesOn(url, opened, "too late\r");
  await revoked;
  expect(await logOf()).not.toContain("too late");
});

test("one principal has a number of consoles open at a time, and no more", async () => {
  const { token } = await cloud.tenant("acme", "alpha");
  const next = async () => textOf(await open(named(), token), "url");
  const viewers: Viewer[] = [];
  for (let i = 0; i < 16; i++) viewers.push(new Viewer(await next()));
  for (const viewer of viewers) await viewer.says("is simulated");
  expect(await upgradeStatus(await next())).toBe(429);
  for (const viewer of viewers) viewer.close();
  for (const viewer of viewers) await viewer.closed;
  // The server hears of it a moment later than the viewer.
  const again = await retried(async () => (await upgradeStatus(await next())) === 101);
  expect(again).toBe(true);
});

/** Whether it succeeds before patience ends. */
async function retried(attempt: () => Promise<boolean>): Promise<boolean> {
  for (const late = Date.now() + 15_000; Date.now() < late; ) if (await attempt()) return true;
  return false;
}

test("who looked is in the log of events, and no URL is", async () => {
  const url = await urlOf();
  const viewer = new Viewer(url);
  await viewer.says("is simulated");
  viewer.close();
  const { orgId, projectId } = tenant;
  const body = { orgId, projectId, resource_id: vmId, page_size: 1000 };
  const { text } = await call(cloud.url, "chainfire.v1.EventService/ListEvents", body, tenant.token);
  expect(text).toMatch(/EVENT_TYPE_ACCESSED[^}]*ConsoleService\/OpenConsole/);
  expect(text).toMatch(/EVENT_TYPE_ACCESSED[^}]*ConsoleService\/Connect/);
  expect(text).not.toContain(url.split("/console/")[1]);
});

test("photon vm console joins a terminal to the machine, and leaves it as it was", async () => {
  const command = new ConsoleCommand("web", environmentOf(cloud.url, tenant), true);
  await command.shows(/is simulated/, 15_000);
  command.type("by hand\r");
  await command.shows(/by hand\r\n/, 15_000);
  command.type("~.");
  expect(await command.ended).toMatchObject({ code: 0, err: expect.stringContaining("left the console of web") });
  expect(command.raw).toEqual([true, false]);
});

test("photon vm console takes a pipe as it is, and ends with it", async () => {
  const command = new ConsoleCommand("web", environmentOf(cloud.url, tenant), false);
  await command.shows(/is simulated/, 15_000);
  command.type("~.\r");
  await command.shows(/~\.\r\n/, 15_000);
  command.end();
  expect(await command.ended).toMatchObject({ code: 0, err: "" });
});

test("photon vm log prints what the machine said, without what could drive a terminal", async () => {
  const viewer = new Viewer(await urlOf());
  await viewer.says("is simulated");
  viewer.type("\u001b]0;title\u0007plain\r");
  await viewer.says("plain\r\n");
  viewer.close();
  const env = environmentOf(cloud.url, tenant);
  const log = await runPhoton("vm log web", { env, now: Date.now() });
  expect(log).toMatchObject({ code: 0, err: "" });
  expect(log.out).toContain("]0;titleplain\n");
  const raw = await runPhoton("vm log web --raw --bytes 7", { env, now: Date.now() });
  expect(raw.out).toBe("plain\r\n");
});
