// The photon command as a process of its own: `photon server --dev`, a login, and a tenant's work on it.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const photon = join(import.meta.dirname, "../../cli/bin/photon.mjs");
const folder = mkdtempSync(join(tmpdir(), "photon-cli-e2e-"));
const { PATH, HOME } = process.env;
const env = { PATH, HOME, XDG_CONFIG_HOME: join(folder, "config") };
let server: ChildProcess;

/** Each command is a process that loads the SDK: on a busy machine a second or more. */
const startMs = 60_000;
const manyCommandsMs = 120_000;

interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Done> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [photon, ...args],
      { env: { ...env, ...options.env } },
      (error, out, err) =>
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, out, err }),
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** Runs it, expects success, reads its JSON. */
async function json(args: string): Promise<Record<string, unknown>> {
  const { code, out, err } = await run([...args.split(" "), "-o", "json"]);
  expect({ args, code, err }).toMatchObject({ code: 0 });
  return JSON.parse(out);
}

beforeAll(async () => {
  const data = join(folder, "data");
  const args = [
    photon,
    "server",
    "--dev",
    "--network",
    "simulated",
    "--listen",
    "127.0.0.1:0",
    "--data",
    data,
    "--log-level",
    "error",
  ];
  server = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  if (server.stdout === null) throw new Error("the server has no output");
  const lines = createInterface({ input: server.stdout });
  await new Promise<void>((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    lines.on("line", (line) => line.includes("is running at") && resolve());
  });
  const login = await run(["login", "--admin-file", join(data, "admin.json")]);
  expect(login).toMatchObject({ code: 0, err: expect.stringContaining("logged in to http://127.0.0.1:") });
  await json("org create --id acme");
  await json("project create --id alpha --org acme");
}, startMs);
afterAll(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  rmSync(folder, { recursive: true });
}, startMs);

const tenant = ["--org", "acme", "--project", "alpha"];
const at = tenant.join(" ");

describe("photon", () => {
  test(
    "makes a tenant's network and machine from names alone",
    async () => {
      expect(await json("whoami")).toMatchObject({ principal: { kind: "user" } });
      const vpc = await json(`vpc create --name main --cidr 10.0.0.0/16 --wait ${at}`);
      expect(vpc).toMatchObject({ status: { state: "ready" } });
      await json(`subnet create --name web --vpc-id main ${at}`);
      const port = await json(`port create --name eth0 --subnet-id web ${at}`);
      const network = JSON.stringify({ id: "eth0", port_id: port.id });
      const made = await run([
        "vm",
        "create",
        "--name",
        "web-1",
        "--spec.network",
        network,
        "--wait",
        ...tenant,
        "-o",
        "json",
      ]);
      expect(JSON.parse(made.out)).toMatchObject({ state: "running", spec: { network: [{ portId: port.id }] } });
      expect(await json(`vm stop web-1 --wait ${at}`)).toMatchObject({ state: "stopped" });
      const refused = await run(["subnet", "delete", "web", ...tenant]);
      expect(refused.code).toBe(5);
      expect(refused.err).toMatch(/request \S+\n$/);
      expect((await run(["vm", "delete", "web-1", "--wait", ...tenant])).code).toBe(0);
      expect((await run(["vm", "get", "web-1", ...tenant])).code).toBe(3);
      const events = await run(["events", "list", "--kind", "plasmavmc.v1.Vm", ...tenant]);
      expect(events.out).toContain("CreateVm");
    },
    manyCommandsMs,
  );

  test(
    "tells the flag of the field that the server refuses",
    async () => {
      const { code, err } = await run(["vpc", "create", "--name", "Bad", "--cidr", "10.0.0.0/33", ...tenant]);
      expect(code).toBe(2);
      expect(err).toMatch(/error: --name: /);
      expect(err).toMatch(/error: --cidr: /);
    },
    manyCommandsMs,
  );

  test(
    "logs a service account in with its key, and tells it what it may not do",
    async () => {
      await json("service-account create --id reader --org acme");
      const key = await json("service-account-key create --name ci --service-account-id reader --org acme");
      await json(`role-binding create --principal service_account:acme/reader --role-id ProjectViewer ${at}`);
      const { endpoint } = JSON.parse((await run(["context", "show"])).out);
      const reader = { XDG_CONFIG_HOME: join(folder, "reader") };
      const login = ["login", "--endpoint", endpoint, "--principal", "reader", ...tenant];
      expect(await run(login, { env: reader, input: `${key.secret}\n` })).toMatchObject({ code: 0 });
      expect((await run(["vpc", "list"], { env: reader })).code).toBe(0);
      const denied = await run(["vpc", "create", "--name", "no", "--cidr", "10.0.0.0/16"], { env: reader });
      expect(denied.code).toBe(4);
      expect(denied.err).toContain("network:vpcs:create");
    },
    manyCommandsMs,
  );
});
