// Starts a cloud of the demo's own and tells when it is ready.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { root } from "../steps.ts";

/** What the server writes into its data folder for its administrator. */
export interface Administrator {
  readonly endpoint: string;
  readonly org_id: string;
  readonly principal_id: string;
  readonly password: string;
}

export interface DemoServer {
  readonly process: ChildProcess;
  readonly administrator: Administrator;
}

/** How long a start may take. */
const patienceMs = 30_000;

async function ready(endpoint: string): Promise<boolean> {
  const answer = await fetch(`${endpoint}/readyz`).catch(() => undefined);
  return answer?.ok ?? false;
}

async function administratorOf(data: string, server: ChildProcess): Promise<Administrator> {
  const file = join(data, "admin.json");
  for (const end = Date.now() + patienceMs; Date.now() < end; await wait(50)) {
    if (server.exitCode !== null)
      throw new Error(`the server ended with code ${server.exitCode}; what it said is above`);
    if (!existsSync(file)) continue;
    const administrator: Administrator = JSON.parse(readFileSync(file, "utf8"));
    if (await ready(administrator.endpoint)) return administrator;
  }
  throw new Error("the server was not ready within 30 seconds");
}

/** Starts `photon server --dev` on a free port with its data in a folder. */
export async function startServer(data: string, detached: boolean, more: readonly string[]): Promise<DemoServer> {
  const args = [
    "--conditions=photon-source",
    "cli/src/start.ts",
    "server",
    "--dev",
    "--data",
    data,
    "--listen",
    "127.0.0.1:0",
    "--log-level",
    "warn",
    ...more,
  ];
  const server = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], detached });
  return { process: server, administrator: await administratorOf(data, server) };
}

/** Ends a server and waits until it is gone. */
export async function stopServer({ process: server }: DemoServer): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await gone;
}
