// A real cloud inside a test: the server itself, with SQLite in a temporary folder and simulated backends, ready in well under a second.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Drivers } from "../backends/drivers.ts";
import type { Clock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { type RunningServer, startServer } from "../main.ts";
import { createTenant, issueToken, type TestTenant } from "./tenants.ts";

export { type SimulatedDrivers, simulatedDrivers } from "../backends/detect.ts";
export { builtInRoles } from "../services/iam/built-in-roles.ts";
export { postJson, type TestTenant } from "./tenants.ts";

export interface TestCloudOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: simulated ones. */
  readonly drivers?: Drivers;
  /** Default "silent". */
  readonly logLevel?: string;
  /** Default: SQLite in a temporary folder. */
  readonly databaseUrl?: string;
  /** More flags, as `photon server` takes them; the last of a name counts: ["--network", "ovn", "--hypervisor", "qemu"]. */
  readonly argv?: readonly string[];
}

export interface TestCloud {
  /** "http://127.0.0.1:40123"; stays the same over a restart. */
  readonly url: string;
  /** Where its files are. */
  readonly dataDir: string;
  readonly admin: { readonly orgId: string; readonly principalId: string; readonly password: string };
  /** The administrator's token, good for some minutes at least: logged in anew before it ends, and after a restart. */
  adminToken(): Promise<string>;
  /** Makes an org and a project, if they are not there, and in them a new service account that is ProjectAdmin, with a key; logs it in. */
  tenant(org: string, project: string): Promise<TestTenant>;
  /** Stops the server and starts it again on the same data and the same port. */
  restart(): Promise<void>;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

/** When the administrator logs in again, in milliseconds: a token is good for a quarter of an hour. */
const renewedAfterMs = 5 * 60_000;

class Cloud implements TestCloud {
  readonly dataDir: string;
  readonly #options: TestCloudOptions;
  #server: RunningServer;
  #token: Promise<string> | undefined;
  #loggedInAt = 0;

  constructor(dataDir: string, options: TestCloudOptions, server: RunningServer) {
    this.dataDir = dataDir;
    this.#options = options;
    this.#server = server;
  }

  get url(): string {
    return this.#server.urls[0] ?? "";
  }

  get admin() {
    const file = this.#server.administrator;
    if (file === undefined) throw new Error("the cloud has no admin.json");
    return { orgId: file.org_id, principalId: file.principal_id, password: file.password };
  }

  adminToken(): Promise<string> {
    const { orgId, principalId, password } = this.admin;
    const now = performance.now();
    if (now - this.#loggedInAt > renewedAfterMs) this.#token = undefined;
    if (this.#token === undefined) this.#loggedInAt = now;
    this.#token ??= issueToken(this.url, { orgId, principalId, password });
    return this.#token;
  }

  async tenant(org: string, project: string): Promise<TestTenant> {
    return createTenant(this.url, await this.adminToken(), org, project);
  }

  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this.#server.stop();
    this.#token = undefined;
    this.#server = await start(this.dataDir, port, this.#options);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function start(dataDir: string, port: number, options: TestCloudOptions): Promise<RunningServer> {
  const { clock, drivers, logLevel = "silent", databaseUrl, argv = [] } = options;
  const flags = ["--dev", "--data", dataDir, "--listen", `127.0.0.1:${port}`, "--log-level", logLevel];
  const backends = ["--network", "simulated", "--hypervisor", "simulated"];
  const database = databaseUrl === undefined ? [] : ["--database-url", databaseUrl, ...sharedKey(dataDir, databaseUrl)];
  const config = readConfig([...flags, ...backends, ...database, ...argv], {});
  return startServer(config, { ...(clock && { clock }), ...(drivers && { drivers }) });
}

/** Servers that share a database share their key: it is made of the database's address. */
function sharedKey(dataDir: string, databaseUrl: string): readonly string[] {
  const file = join(dataDir, "shared.key");
  writeFileSync(file, createHash("sha256").update(databaseUrl).digest("hex"), { mode: 0o600 });
  return ["--master-key-file", file];
}

/** Starts a cloud for a test. Call `stop` when it is over. */
export async function startTestCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const dataDir = mkdtempSync(join(tmpdir(), "photon-test-"));
  try {
    return new Cloud(dataDir, options, await start(dataDir, 0, options));
  } catch (error) {
    rmSync(dataDir, { recursive: true, force: true });
    throw error;
  }
}
