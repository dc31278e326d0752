// Runs the real Terraform with the built provider, installed from a filesystem mirror, in a directory of its own.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestCloud } from "@photoncloud/server/testing";
import { address, installMirror } from "../../provider/scripts/mirror.ts";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One line of `terraform … -json`. */
export interface Diagnostic {
  readonly severity: string;
  readonly summary: string;
  readonly detail: string;
  readonly address?: string;
  readonly snippet?: { readonly code: string };
}

/** A change as `terraform plan -json` tells it. */
interface Planned {
  readonly resource: { readonly addr: string };
  /** "create", "update", "replace", "delete", "noop", "read" */
  readonly action: string;
}

/** Where the provider logs in. */
export interface Login {
  readonly url: string;
  readonly token: string;
  readonly orgId: string;
  readonly projectId: string;
  /** Gives a token that is still good, to who may outlast the first one. */
  readonly fresh?: () => Promise<string>;
}

/** The cloud's administrator, for as long as a test takes, in a project that is made where it is not there. */
export async function administrator(cloud: TestCloud): Promise<Login> {
  const { orgId, projectId } = await cloud.tenant("acme-corp", "project-alpha");
  const fresh = () => cloud.adminToken();
  return { url: cloud.url, token: await fresh(), orgId, projectId, fresh };
}

export const tokenOf = async ({ token, fresh }: Login): Promise<string> => (await fresh?.()) ?? token;

const required = `terraform {
  required_providers {
    photoncloud = {
      source = "${address}"
    }
  }
}
`;

let built: Promise<unknown> | undefined;

/** A mirror of the provider as it is now, which goes with the directory. Built once for all tests of a process. */
export async function cliConfig(directory: string): Promise<string> {
  built ??= promisify(execFile)(process.execPath, ["--conditions=photon-source", "scripts/build.ts"]);
  await built;
  return (await installMirror(join(directory, ".mirror"))).cliConfig;
}

/** What the provider reads, and nothing of the machine's own Terraform. */
export function environment(login: Login, config: string): Record<string, string> {
  return {
    PATH: `${join(process.cwd(), "node_modules/.bin")}:${process.env.PATH}`,
    HOME: tmpdir(),
    TMPDIR: tmpdir(),
    CHECKPOINT_DISABLE: "1",
    TF_IN_AUTOMATION: "1",
    TF_CLI_CONFIG_FILE: config,
    PHOTON_PROVIDER_ORACLE: "1",
    PHOTON_ENDPOINT: login.url,
    PHOTON_TOKEN: login.token,
    PHOTON_ORG: login.orgId,
    PHOTON_PROJECT: login.projectId,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const jsonLines = (stdout: string): unknown[] =>
  stdout.split("\n").flatMap((line): unknown[] => (line.startsWith("{") ? [JSON.parse(line)] : []));

function changesIn(stdout: string): Record<string, string> {
  const changes = jsonLines(stdout).flatMap((json): Planned[] =>
    isRecord(json) && json.type === "planned_change" && isRecord(json.change)
      ? [json.change as unknown as Planned]
      : [],
  );
  const planned = changes.map(({ resource, action }) => [resource.addr, action]);
  return Object.fromEntries(planned.filter(([, action]) => action !== "noop" && action !== "read"));
}

/** The diagnostics of a line of `terraform … -json`, or of all that `terraform validate -json` says. */
function diagnosticsIn(text: string): Diagnostic[] {
  if (!text.startsWith("{")) return [];
  const json: unknown = JSON.parse(text);
  if (!isRecord(json)) return [];
  if (Array.isArray(json.diagnostics)) return json.diagnostics;
  return isRecord(json.diagnostic) ? [json.diagnostic as unknown as Diagnostic] : [];
}

/** A Terraform working directory. */
export class Workspace {
  readonly directory: string;
  readonly env: Record<string, string>;

  constructor(directory: string, env: Record<string, string>) {
    this.directory = directory;
    this.env = env;
  }

  /** Makes a directory with this configuration, and runs `terraform init` in it. `env`: in place of one with the built provider. */
  static async open(login: Login, hcl: string, env?: Readonly<Record<string, string>>): Promise<Workspace> {
    const directory = mkdtempSync(join(tmpdir(), "photon-terraform-"));
    const workspace = new Workspace(directory, { ...(env ?? environment(login, await cliConfig(directory))) });
    workspace.write(hcl);
    await workspace.must("init", "-input=false");
    return workspace;
  }

  /** Replaces the configuration. */
  write(hcl: string): void {
    writeFileSync(join(this.directory, "main.tf"), required + hcl);
  }

  /** Adds a configuration in Terraform's JSON. */
  writeJson(configuration: object): void {
    // Not in one line: Terraform shows the line that an error is about.
    writeFileSync(join(this.directory, "all.tf.json"), JSON.stringify(configuration, null, 1));
  }

  /** Starts a command; `kill` in the answer's hands. */
  start(...args: string[]): { readonly pid: number; readonly done: Promise<Result> } {
    const child = spawn("terraform", args, { cwd: this.directory, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const done = new Promise<Result>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
    return { pid: child.pid ?? 0, done };
  }

  run(...args: string[]): Promise<Result> {
    return this.start(...args).done;
  }

  /** @throws Error with everything that Terraform said if it fails. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`terraform ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  }

  apply(...args: string[]): Promise<string> {
    return this.must("apply", "-auto-approve", "-input=false", "-no-color", ...args);
  }

  destroy(): Promise<string> {
    return this.must("destroy", "-auto-approve", "-input=false", "-no-color");
  }

  /** What a plan would do: by address, the actions; {} for an empty plan. */
  async plan(...args: string[]): Promise<Record<string, string>> {
    return changesIn(await this.must("plan", "-input=false", "-json", ...args));
  }

  /** What a plan would do, and what it says of it; also of one that fails. */
  async planned(...args: string[]): Promise<{ changes: Record<string, string>; diagnostics: Diagnostic[] }> {
    const { stdout } = await this.run("plan", "-json", ...args);
    return { changes: changesIn(stdout), diagnostics: stdout.split("\n").flatMap(diagnosticsIn) };
  }

  /** The attributes of every resource and data source in the state, by address. */
  async state(): Promise<Record<string, Record<string, unknown>>> {
    const state: unknown = JSON.parse(await this.must("show", "-json"));
    const values =
      isRecord(state) && isRecord(state.values) && isRecord(state.values.root_module) ? state.values.root_module : {};
    const resources = Array.isArray(values.resources) ? values.resources : [];
    return Object.fromEntries(
      resources.map((r: { address: string; values: Record<string, unknown> }) => [r.address, r.values]),
    );
  }

  /** The diagnostics of a command that fails. */
  async diagnostics(...args: string[]): Promise<Diagnostic[]> {
    const { stdout } = await this.run(...args, "-json");
    return args[0] === "validate" ? diagnosticsIn(stdout) : stdout.split("\n").flatMap(diagnosticsIn);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
