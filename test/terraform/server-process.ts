// A cloud in a process of its own, so that it can be killed: SQLite in a temporary folder, always the same port.
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { get as getSecurely } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { postJson } from "@photoncloud/server/testing";

/** Waits for something to be true. @throws Error when it is not within three minutes */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!(await check().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within three minutes`);
    await sleep(20);
  }
}

/** Below what Linux gives to outgoing connections and to whoever asks for any port (ip_local_port_range begins at 32768). */
const [lowestPort, highestPort] = [20_000, 32_000];

/** A port that is free, and that nobody gets by chance: a server that is killed finds it free again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowestPort, highestPort);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Its certificate is looked at by those who are to trust it, not here. */
function isReady(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith("https:") ? getSecurely(url, { rejectUnauthorized: false }) : get(url);
    request.once("error", reject).once("response", (response) => resolve(response.resume().statusCode === 200));
  });
}

export class ServerProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "photon-server-"));
  readonly #more: readonly string[];
  #port = 0;
  #child: ChildProcess | undefined;
  /** One for all calls: a session more than a principal may have ends the oldest, which may be the test's. */
  #ownToken = "";

  /** @param more Flags beside the usual ones. */
  constructor(more: readonly string[] = []) {
    this.#more = more;
  }

  /** Its data folder. */
  get folder(): string {
    return this.#folder;
  }

  get url(): string {
    return `${this.#more.includes("--tls") ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  /** Starts, and resolves when it answers. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const flags = [
      "--dev",
      "--network",
      "simulated",
      "--data",
      this.#folder,
      "--listen",
      `127.0.0.1:${this.#port}`,
      "--log-level",
      "error",
    ];
    const args = ["--conditions=photon-source", "cli/src/start.ts", "server", ...flags, ...this.#more];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    await until("the server's start", () => isReady(`${this.url}/readyz`));
  }

  /** As a power failure would. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** As an operator would. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Calls a method as the administrator. @throws Error if it fails */
  async call(method: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
    const known = this.#ownToken;
    this.#ownToken ||= await this.token();
    const answer = await postJson(this.url, method, body, this.#ownToken);
    if (answer.status === 200) return answer.body;
    if (answer.status !== 401 || known === "") throw new Error(`${method}: ${JSON.stringify(answer.body)}`);
    this.#ownToken = "";
    return this.call(method, body);
  }

  /** The administrator's. */
  async token(): Promise<string> {
    const file: unknown = JSON.parse(readFileSync(join(this.#folder, "admin.json"), "utf8"));
    const { org_id: orgId, principal_id: principalId, password } = file as Record<string, string>;
    const { body } = await postJson(this.url, "iam.v1.IamTokenService/IssueToken", { orgId, principalId, password });
    return String(body.token);
  }

  /** The names of what is there, or of what the filter takes, sorted. */
  async names(method: string, plural: string, filter = ""): Promise<string[]> {
    return (await this.#list(method, plural, filter)).map(({ name }) => name).sort();
  }

  /** The ids of what is there, sorted. */
  async ids(method: string, plural: string): Promise<string[]> {
    return (await this.#list(method, plural, "")).map(({ id }) => id).sort();
  }

  async #list(method: string, plural: string, filter: string): Promise<readonly { id: string; name: string }[]> {
    const page = await this.call(method, { orgId: "acme", projectId: "web", pageSize: 1000, filter });
    const items = page[plural];
    return Array.isArray(items) ? items : [];
  }
}
