// `photon server` as a process: it says where it is, stops when asked, starts again on its data, and keeps secrets out of its log.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";

const root = join(import.meta.dirname, "../..");
const patienceMs = 20_000;

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly password: string;
  /** What it has printed, and logged. */
  out(): string;
  log(): string;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
}

let data: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "photon-process-"));
});
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});

async function start(...more: string[]): Promise<Running> {
  const args = [
    "--conditions=photon-source",
    "cli/src/start.ts",
    "server",
    "--dev",
    "--network",
    "simulated",
    "--data",
    data,
  ];
  const child = spawn(process.execPath, [...args, "--listen", "127.0.0.1:0", ...more], { cwd: root });
  started.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let out = "";
  let log = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  for (const end = Date.now() + patienceMs; !out.includes("stop with"); await wait(20))
    if (child.exitCode !== null || Date.now() > end) throw new Error(`it did not start: ${out}${log}`);
  const { endpoint, password } = JSON.parse(readFileSync(join(data, "admin.json"), "utf8"));
  return { process: child, url: endpoint, password, ended, out: () => out, log: () => log };
}

function login({ url, password }: Running) {
  return postJson(url, "iam.v1.IamTokenService/IssueToken", { orgId: "system", principalId: "admin", password });
}

test("says where it is, and ends with code 0 when asked to stop", async () => {
  const server = await start();
  expect(server.out()).toContain(`PhotonCloud is running at ${server.url}`);
  expect(server.out()).toContain(join(data, "admin.json"));
  expect(server.out()).toMatch(/network +simulated: /);
  server.process.kill("SIGTERM");
  expect(await server.ended).toBe(0);
});

test("killed and started again, it knows its administrator", async () => {
  const first = await start();
  expect((await login(first)).status).toBe(200);
  first.process.kill("SIGKILL");
  await first.ended;
  const second = await start();
  expect(second.password).toBe(first.password);
  expect((await login(second)).status).toBe(200);
});

test("its log names calls, and holds no password, token or body", async () => {
  const server = await start("--log-level", "trace");
  const { body } = await login(server);
  const token = String(body.token);
  const answer = await postJson(server.url, "iam.v1.OrgService/CreateOrg", { id: "acme", name: "Top Secret" }, token);
  expect(answer.status).toBe(200);
  await postJson(server.url, "iam.v1.IamTokenService/WhoAmI", {}, `${token}x`);
  server.process.kill("SIGTERM");
  await server.ended;
  const lines = server.log().trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ method: "iam.v1.OrgService/CreateOrg", code: "ok", actor: "user:system/admin" }),
  );
  for (const secret of [server.password, token.split(".")[2] ?? "", String(body.refreshToken), "Top Secret"])
    expect(server.log()).not.toContain(secret);
});

test("a wrong setting is one sentence and code 2", async () => {
  const args = ["--conditions=photon-source", "cli/src/start.ts", "server", "--listen", "0.0.0.0:1"];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, PHOTON_DATA: data } });
  started.push(child);
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(2);
  expect(log.trim().split("\n")).toHaveLength(1);
  expect(log).toContain("--insecure-plaintext");
  expect(existsSync(join(data, "store.db"))).toBe(false);
});
