// The sides of the comparison, each in a working directory of its own: the provider, one that knows no cloud, and Terraform alone.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildProvider, bundle, fixedAnswers, head } from "../../provider/scripts/build.ts";
import { installMirror } from "../../provider/scripts/mirror.ts";
import type { ServerProcess } from "../../test/terraform/server-process.ts";
import { run, type Taken } from "./command.ts";

/** What is measured, in the order in which it is run. */
export const commands = {
  plan: ["plan", "-input=false"],
  apply: ["apply", "-auto-approve", "-input=false"],
  "no-op plan": ["plan", "-input=false", "-detailed-exitcode"],
  destroy: ["destroy", "-auto-approve", "-input=false"],
} as const;
export type Command = keyof typeof commands;
export const commandNames: readonly Command[] = ["plan", "apply", "no-op plan", "destroy"];

export class Side {
  readonly #folder = mkdtempSync(join(tmpdir(), "photon-bench-"));
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** The path of the state. */
  get state(): string {
    return join(this.#folder, "terraform.tfstate");
  }

  async open(hcl: string): Promise<void> {
    writeFileSync(join(this.#folder, "main.tf"), hcl);
    await run(["init", "-input=false"], this.#folder, this.#env);
  }

  run(command: Command): Promise<Taken> {
    return run(commands[command], this.#folder, this.#env);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface Environments {
  readonly provider: NodeJS.ProcessEnv;
  readonly constant: NodeJS.ProcessEnv;
}

async function constantScript(): Promise<string> {
  const main = join(import.meta.dirname, "constant-provider.ts");
  return head + (await bundle(main, { PHOTON_ANSWERS: JSON.stringify(fixedAnswers()) }));
}

/** Terraform's, with the Node that runs this first: the providers run on it. */
const terraform = (cliConfig: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  CHECKPOINT_DISABLE: "1",
  TF_IN_AUTOMATION: "1",
  TF_CLI_CONFIG_FILE: cliConfig,
});

/** Builds both providers under a folder. */
export async function environments(folder: string, server: ServerProcess): Promise<Environments> {
  await buildProvider();
  const provider = await installMirror(join(folder, "provider"));
  const constant = await installMirror(join(folder, "constant"), await constantScript());
  const login = { PHOTON_ENDPOINT: server.url, PHOTON_TOKEN: await server.token() };
  const tenant = { PHOTON_ORG: "acme", PHOTON_PROJECT: "web" };
  return {
    provider: { ...terraform(provider.cliConfig), ...login, ...tenant },
    constant: terraform(constant.cliConfig),
  };
}
