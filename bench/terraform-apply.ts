// What the cloud and its provider add to Terraform: 334 networks with a subnet and a port each, against as many of Terraform's own
// built-in resources with the same values, in one run. Each triple has a network of its own, as tenants spread.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildProvider } from "../provider/scripts/build.ts";
import { address, installMirror } from "../provider/scripts/mirror.ts";
import { ServerProcess } from "../test/terraform/server-process.ts";
import type { Figure } from "./main.ts";

const triples = 334;

const ours = `terraform {
  required_providers {
    photoncloud = {
      source = "${address}"
    }
  }
}
resource "photoncloud_vpc" "all" {
  count = ${triples}
  name  = "net-\${count.index}"
  cidr  = "10.\${count.index % 250}.0.0/16"
}
resource "photoncloud_subnet" "all" {
  count  = ${triples}
  name   = "sub-\${count.index}"
  vpc_id = photoncloud_vpc.all[count.index].id
  cidr   = "10.\${count.index % 250}.1.0/24"
}
resource "photoncloud_port" "all" {
  count      = ${triples}
  name       = "port-\${count.index}"
  subnet_id  = photoncloud_subnet.all[count.index].id
  ip_address = "10.\${count.index % 250}.1.10"
}
`;

const builtIn = `resource "terraform_data" "vpc" {
  count = ${triples}
  input = { name = "net-\${count.index}", cidr = "10.\${count.index % 250}.0.0/16" }
}
resource "terraform_data" "subnet" {
  count = ${triples}
  input = { name = "sub-\${count.index}", vpc_id = terraform_data.vpc[count.index].id, cidr = "10.\${count.index % 250}.1.0/24" }
}
resource "terraform_data" "port" {
  count = ${triples}
  input = { name = "port-\${count.index}", subnet_id = terraform_data.subnet[count.index].id, ip_address = "10.\${count.index % 250}.1.10" }
}
`;

const commands = {
  apply: ["apply", "-auto-approve", "-input=false"],
  "plan without changes": ["plan", "-input=false", "-detailed-exitcode"],
  destroy: ["destroy", "-auto-approve", "-input=false"],
} as const;
type Command = keyof typeof commands;

/** Seconds that each command takes in a directory of its own. */
async function measure(hcl: string, env: NodeJS.ProcessEnv): Promise<Record<Command, number>> {
  const cwd = mkdtempSync(join(tmpdir(), "photon-bench-"));
  const terraform = (args: readonly string[]) =>
    promisify(execFile)("terraform", args, { cwd, env, maxBuffer: 2 ** 28 });
  const seconds: Record<Command, number> = { apply: 0, "plan without changes": 0, destroy: 0 };
  try {
    writeFileSync(join(cwd, "main.tf"), hcl);
    await terraform(["init", "-input=false"]);
    for (const [name, args] of Object.entries(commands) as [Command, readonly string[]][]) {
      const started = performance.now();
      await terraform(args);
      seconds[name] = (performance.now() - started) / 1000;
    }
    return seconds;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Applies, plans and destroys both. The server is a process of its own, with SQLite on disk. */
export async function bench(): Promise<readonly Figure[]> {
  const server = new ServerProcess();
  const folder = mkdtempSync(join(tmpdir(), "photon-bench-mirror-"));
  try {
    await buildProvider();
    const { cliConfig } = await installMirror(folder);
    await server.start();
    await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
    await server.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
    const terraform = { ...process.env, CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1", TF_CLI_CONFIG_FILE: cliConfig };
    const tenant = {
      PHOTON_ENDPOINT: server.url,
      PHOTON_TOKEN: await server.token(),
      PHOTON_ORG: "acme",
      PHOTON_PROJECT: "web",
    };
    const values = await measure(ours, { ...terraform, ...tenant });
    const floors = await measure(builtIn, terraform);
    return (Object.keys(commands) as Command[]).map((name) => {
      const [value, floor] = [values[name], floors[name]];
      return { name: `terraform ${name}, ${3 * triples} resources`, value, floor, ratio: value / floor, unit: "s" };
    });
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.table(await bench());
