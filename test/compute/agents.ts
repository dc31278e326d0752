// A cloud as processes: a server, and agents on hosts of their own folders and ports.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { postJson } from "@photoncloud/server/testing";
import { freePort } from "../terraform/server-process.ts";

const root = join(import.meta.dirname, "../..");
/** How long anything but a guest may take, in milliseconds: a server starts slowly where emulated guests compute. */
const usualPatienceMs = 150_000;

type Json = Readonly<Record<string, unknown>>;

/** A `photon` process. */
export class Photon {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text = "";

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, ["--conditions=photon-source", "cli/src/start.ts", ...args], { cwd: root });
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on("data", (chunk) => {
        this.text += chunk;
      });
  }

  async says(words: string): Promise<void> {
    await until(`${words} of ${this.text}`, async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.text}`);
      return this.text.includes(words);
    });
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

/** Looks again and again. @throws Error after the tests' patience. */
export async function until(what: string, look: () => Promise<boolean>, patienceMs = usualPatienceMs): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await look()); await wait(100))
    if (Date.now() > deadline) throw new Error(`it did not come: ${what}`);
}

function numberOf(order: unknown): unknown {
  return typeof order === "object" && order !== null && "number" in order ? order.number : undefined;
}

export interface AgentHost {
  readonly name: string;
  readonly dataDir: string;
  /** Where it is found. */
  readonly address: string;
  /** Where it listens. Default: where it is found. */
  readonly listen?: string;
  /** More flags of `photon agent run`. Default: its machines are simulated. */
  readonly flags?: readonly string[];
}

export interface FieldOptions {
  /** Flags of the server that say what it drives. Default: simulations. */
  readonly backends?: readonly string[];
}

const simulations = ["--network", "simulated", "--hypervisor", "simulated"];

export class Field {
  readonly dir = mkdtempSync(join(tmpdir(), "photon-agents-"));
  readonly #running = new Set<Photon>();
  readonly #backends: readonly string[];
  #port = 0;
  #movesPort = 0;
  #token = "";
  server: Photon | undefined;

  constructor({ backends = simulations }: FieldOptions = {}) {
    this.#backends = backends;
  }

  /** The administrator's. */
  get token(): string {
    return this.#token;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  run(...args: string[]): Photon {
    const photon = new Photon(args);
    this.#running.add(photon);
    return photon;
  }

  async startServer(): Promise<void> {
    this.#port ||= await freePort();
    const data = join(this.dir, "server");
    this.#movesPort ||= await freePort();
    const listen = ["--listen", `127.0.0.1:${this.#port}`, "--moves-listen", `127.0.0.1:${this.#movesPort}`];
    const where = ["--data", data, ...listen];
    this.server = this.run("server", "--dev", ...where, ...this.#backends);
    await this.server.says("stop with");
    const { password } = JSON.parse(readFileSync(join(data, "admin.json"), "utf8"));
    const login = { orgId: "system", principalId: "admin", password };
    this.#token = String((await this.call("iam.v1.IamTokenService/IssueToken", login)).token);
  }

  async call(method: string, body: Json): Promise<Json> {
    const answer = await postJson(this.url, method, body, this.#token);
    if (answer.status !== 200) throw new Error(`${method} answered ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async drawToken(): Promise<string> {
    return String((await this.call("plasmavmc.v1.HostJoiningService/CreateJoinToken", {})).token);
  }

  async newHost(name: string, flags?: readonly string[]): Promise<AgentHost> {
    const address = `127.0.0.1:${await freePort()}`;
    return { name, dataDir: join(this.dir, name), address, ...(flags && { flags }) };
  }

  /** Answers the exit code and what was said. */
  async join(
    { name, dataDir, address, listen = address }: AgentHost,
    token: string,
  ): Promise<readonly [number | null, string]> {
    const where = ["--listen", listen, "--address", address, "--data", dataDir];
    const joining = this.run("agent", "join", "--server", this.url, "--token", token, "--name", name, ...where);
    return [await joining.ended, joining.text];
  }

  async runAgent({ dataDir, flags = ["--hypervisor", "simulated"] }: AgentHost): Promise<Photon> {
    const agent = this.run("agent", "run", "--data", dataDir, ...flags);
    await agent.says("answers on port");
    return agent;
  }

  host(id: string): Promise<Json> {
    return this.call("plasmavmc.v1.HostService/GetHost", { id });
  }

  async hostIs(id: string, state: string): Promise<Json> {
    let host: Json = {};
    await until(`${id} ${state}`, async () => {
      host = await this.host(id);
      return host.state === `HOST_STATE_${state}`;
    });
    return host;
  }

  schedulable(id: string, schedulable: boolean): Promise<Json> {
    return this.call("plasmavmc.v1.HostService/UpdateHost", { id, host: { schedulable }, updateMask: "schedulable" });
  }

  vm(id: string): Promise<Json> {
    return this.call("plasmavmc.v1.VmService/GetVm", { orgId: "acme", projectId: "alpha", id });
  }

  async createVm(name: string): Promise<string> {
    const asked = { orgId: "acme", projectId: "alpha", name, spec: { imageId: "debian-12" } };
    return String((await this.call("plasmavmc.v1.VmService/CreateVm", asked)).id);
  }

  /** Resolves when the move that it asks for has come to its end. */
  async migrate(id: string, hostId: string): Promise<Json> {
    const asked = { orgId: "acme", projectId: "alpha", id, hostId };
    const { moveOrder } = await this.call("plasmavmc.v1.VmService/MigrateVm", asked);
    let vm: Json = {};
    await until(`${id} moved to ${hostId}`, async () => {
      vm = await this.vm(id);
      const words = JSON.stringify(vm.move) ?? "";
      return words.includes(`"number":${numberOf(moveOrder)},`) && /DONE|FAILED|CANCELLED/.test(words);
    });
    return vm;
  }

  async vmIs(id: string, state: string): Promise<Json> {
    let vm: Json = {};
    await until(`${id} ${state}`, async () => {
      vm = await this.vm(id);
      return vm.state === `VM_STATE_${state}`;
    });
    return vm;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((photon) => photon.kill()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
