// Images from files: uploaded in the tenant's name, compared on both sides, and of what breaks off nothing stays.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { environmentOf } from "./console-command.ts";

let cloud: TestCloud;
let tenant: TestTenant;
let neighbour: TestTenant;
const folder = mkdtempSync(join(tmpdir(), "photon-upload-"));
beforeAll(async () => {
  // Of GiB: one MiB.
  cloud = await startTestCloud({ argv: ["--largest-image", String(1 / 1024)] });
  tenant = await cloud.tenant("acme", "alpha");
  neighbour = await cloud.tenant("rival", "gamma");
});
afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** All that the server keeps of uploads. */
function kept(): readonly string[] {
  const uploads = join(cloud.dataDir, "uploads");
  mkdirSync(uploads, { recursive: true });
  const files = readdirSync(uploads, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => name).filter((name) => name !== "tenant.json");
}

async function put(bytes: Uint8Array<ArrayBuffer>, more: { digest?: string; token?: string; of?: TestTenant } = {}) {
  const { digest = digestOf(bytes), token = tenant.token, of = tenant } = more;
  const where = `org_id=${of.orgId}&project_id=${of.projectId}`;
  const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${cloud.url}/uploads/${digest}?${where}`, { method: "PUT", body: bytes, headers });
  return { status: response.status, text: await response.text() };
}

test("photon image import makes an image of a file", async () => {
  const [bytes, file] = [randomBytes(300_000), join(folder, "small.raw")];
  writeFileSync(file, bytes);
  const env = environmentOf(cloud.url, tenant);
  const { code, out, err } = await runPhoton(["image", "import", file, "--wait", "-o", "json"], {
    env,
    now: Date.now(),
  });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ name: "small.raw", format: "raw", digest: digestOf(bytes) });
  expect(kept()).toContain(digestOf(bytes).slice("sha256:".length));
});

test("photon image import sends nothing of a file that is another than was said", async () => {
  const file = join(folder, "other.qcow2");
  writeFileSync(file, "other");
  const env = environmentOf(cloud.url, tenant);
  const digest = `sha256:${"0".repeat(64)}`;
  const { code, err } = await runPhoton(["image", "import", file, "--digest", digest], { env, now: Date.now() });
  expect(code).toBe(2);
  expect(err).toContain(digestOf(Buffer.from("other")));
});

test("what has another digest is refused, and nothing of it stays", async () => {
  const before = kept();
  const { status, text } = await put(randomBytes(1000), { digest: `sha256:${"0".repeat(64)}` });
  expect(status).toBe(400);
  expect(text).toContain("whose digest is");
  expect(kept()).toEqual(before);
});

test("what is no digest is refused", async () => {
  for (const digest of ["sha256:0", "md5:0", `sha256:${"0".repeat(60)}%2F..`, "..%2F..%2Fetc"])
    expect(await put(randomBytes(10), { digest })).toMatchObject({ status: 400 });
});

test("more than is taken is refused, whether its size was said or not", async () => {
  const before = kept();
  const many = randomBytes(2 * 1024 ** 2);
  // Who is refused while sending sees the answer or the end of the connection.
  const refused = await put(many).catch(() => ({ status: 429 }));
  expect(refused.status).toBe(429);
  const stream = new Blob([many]).stream();
  const headers = { authorization: `Bearer ${tenant.token}` };
  const init = { method: "PUT", body: stream, duplex: "half" as const, headers };
  const where = `org_id=${tenant.orgId}&project_id=${tenant.projectId}`;
  const unsaid = await fetch(`${cloud.url}/uploads/${digestOf(many)}?${where}`, init).then(
    ({ status }) => status,
    () => 429,
  );
  expect(unsaid).toBe(429);
  expect(kept()).toEqual(before);
});

test("an upload that breaks off leaves nothing", async () => {
  const before = kept();
  const { host, hostname, port } = new URL(cloud.url);
  const socket = connect(Number(port), hostname);
  const path = `/uploads/sha256:${"a".repeat(64)}?org_id=${tenant.orgId}&project_id=${tenant.projectId}`;
  const head = [
    `PUT ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${tenant.token}`,
    "Content-Length: 100000",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${"x".repeat(50_000)}`);
  await until(() => kept().length > before.length);
  socket.destroy();
  await until(() => kept().length === before.length);
});

test.each([
  ["session", 401, ({ token }: TestTenant) => must("iam.v1.IamTokenService/RevokeToken", {}, token)],
  ["permission", 403, ({ serviceAccountId }: TestTenant) => unbind(serviceAccountId)],
] as const)("an upload ends with the %s of who sends it, and leaves nothing", async (_, status, takeBack) => {
  const sender = await cloud.tenant("acme", "alpha");
  const { token, orgId, projectId } = sender;
  const before = kept();
  const path = `/uploads/sha256:${"1".repeat(64)}?org_id=${orgId}&project_id=${projectId}`;
  const head = [`PUT ${path} HTTP/1.1`, "Host: cloud", `Authorization: Bearer ${token}`, "Content-Length: 100000"];
  const socket = connect(Number(new URL(cloud.url).port), "127.0.0.1");
  const answer = text(socket);
  socket.write(`${head.join("\r\n")}\r\n\r\nthe beginning`);
  await until(() => kept().length > before.length);
  await takeBack(sender);
  expect((await answer).split("\r\n")[0]).toContain(String(status));
  await until(() => kept().length === before.length);
});

async function must(method: string, body: unknown, token: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await postJson(cloud.url, method, body, token);
  if (answer.status !== 200) throw new Error(`${method}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Takes all roles in the project from an account. */
async function unbind(account: string): Promise<void> {
  const admin = await cloud.adminToken();
  const where = { org_id: "acme", project_id: "alpha" };
  const { roleBindings } = await must("iam.v1.RoleBindingService/ListRoleBindings", where, admin);
  for (const binding of Array.isArray(roleBindings) ? roleBindings : [])
    if (String(binding.principal).endsWith(`/${account}`))
      await must("iam.v1.RoleBindingService/DeleteRoleBinding", { ...where, id: binding.id }, admin);
}

test("only who may create images there uploads there", async () => {
  const before = kept();
  const bytes = randomBytes(100);
  expect(await put(bytes, { token: "" })).toMatchObject({ status: 401 });
  expect(await put(bytes, { token: "garbage" })).toMatchObject({ status: 401 });
  expect(await put(bytes, { token: neighbour.token })).toMatchObject({ status: 403 });
  expect(kept()).toEqual(before);
});

test("each tenant has its own uploads: to know a digest is not to have the bytes", async () => {
  const bytes = randomBytes(100);
  expect(await put(bytes)).toMatchObject({ status: 200 });
  expect(await put(bytes, { of: neighbour, token: neighbour.token })).toMatchObject({ status: 200 });
  const name = digestOf(bytes).slice("sha256:".length);
  expect(kept().filter((one) => one === name)).toHaveLength(2);
});

async function until(is: () => boolean): Promise<void> {
  for (const late = Date.now() + 15_000; !is(); await wait(20))
    if (Date.now() > late) throw new Error(`the server keeps ${kept().join(", ")}`);
}
