// `npm run demo [-- --keep]`: a whole cloud in a minute. Starts a server, makes two customers, deploys examples/quickstart with cdktf for
// one of them, shows that a second plan is empty, that packets go where they may (between real guests on real OVN, where QEMU and OVN are
// installed) and that the other one's token is refused, and cleans up.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PhotonError } from "@photoncloud/sdk";
import { installMirror } from "../provider/scripts/mirror.ts";
import { cdktfCommand } from "./demo/cdktf.ts";
import { type GuestPlace, prepareGuests, removeGuests } from "./demo/guests.ts";
import { showPackets } from "./demo/packets.ts";
import { type DemoServer, startServer, stopServer } from "./demo/server.ts";
import { chapter, run } from "./demo/show.ts";
import { type Customer, clientOf, createCustomer } from "./demo/tenants.ts";
import { findTerraform, howToInstallTerraform } from "./demo/terraform.ts";
import { node, root, show } from "./steps.ts";

const keep = process.argv.includes("--keep");

/** A folder of the demo's own inside the checkout, so that the example finds its packages. */
function makeWorkplace(): string {
  mkdirSync(join(root, ".photon"), { recursive: true });
  const folder = mkdtempSync(join(root, ".photon/demo-"));
  for (const file of ["main.ts", "cdktf.json", "package.json"])
    cpSync(join(root, "examples/quickstart", file), join(folder, file));
  return folder;
}

function environment(server: DemoServer, customer: Customer, terraform: string, cliConfig: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PHOTON_ENDPOINT: server.administrator.endpoint,
    PHOTON_ORG: customer.org,
    PHOTON_PROJECT: customer.project,
    PHOTON_PRINCIPAL: customer.principalId,
    PHOTON_KEY_SECRET: customer.keySecret,
    TERRAFORM_BINARY_NAME: terraform,
    TF_CLI_CONFIG_FILE: cliConfig,
    CHECKPOINT_DISABLE: "1",
    CI: "true",
  };
}

async function must(what: string, result: Promise<{ code: number; output: string }>): Promise<string> {
  const { code, output } = await result;
  if (code === 0) return output;
  console.error(output);
  throw new Error(`${what} ended with code ${code}`);
}

/** Of all that cdktf and Terraform say: the plan, what was done, what went wrong, and at last the outputs. */
function telling(): (line: string) => boolean {
  let applied = false;
  let wrong = false;
  return (line) => {
    applied ||= line.includes("Apply complete!");
    wrong ||= line.includes("Error:");
    if (/(Creation|Destruction) complete|Plan:|complete!|Error:/.test(line) || (wrong && line.includes("│")))
      return true;
    return applied && /^\s+[a-z_]+ = [^"]/.test(line);
  };
}

async function showWhatIsThere(env: NodeJS.ProcessEnv, folder: string): Promise<void> {
  for (const noun of ["vpc", "subnet", "port", "vm"]) {
    const photon = [
      process.execPath,
      "--conditions=photon-source",
      join(root, "cli/src/start.ts"),
      noun,
      "list",
    ] as const;
    console.log(`  $ photon ${noun} list`);
    await must(`photon ${noun} list`, run({ command: photon, cwd: folder, env }));
  }
}

async function showThatStrangersAreRefused(server: DemoServer, owner: Customer): Promise<void> {
  const rival = await createCustomer(server.administrator, "rival", "web");
  const [vpc] = await Array.fromAsync(clientOf(server.administrator, owner).vpcs.list());
  if (vpc === undefined) throw new Error("the VPC that was deployed is not there");
  const stranger = clientOf(server.administrator, rival);
  for (const [asks, tenant] of [
    ["in its owner's org", owner],
    ["in the stranger's own org", rival],
  ] as const) {
    const answer = await stranger.vpcs
      .get(vpc.id, { org: tenant.org, project: tenant.project })
      .catch((error: unknown) => error);
    if (!(answer instanceof PhotonError)) throw new Error("another org's token was let in");
    console.log(`  rival asks for ${vpc.id} ${asks}: ${answer.code}: ${answer.message}`);
  }
}

async function demo(terraform: string): Promise<void> {
  chapter("Building the SDK, the provider and the constructs");
  if ((await show(node("build", "scripts/build.ts"))) !== 0) throw new Error("the build failed");
  const folder = makeWorkplace();
  const { cliConfig } = await installMirror(join(folder, "mirror"));
  chapter("Starting a cloud: one server, SQLite");
  const guests = prepareGuests();
  const data = join(folder, "data");
  const server = await startServer(data, keep, guests.flags);
  let done = false;
  try {
    chapter("Creating an org, a project and a service account");
    const customer = await createCustomer(server.administrator, "acme", "web");
    console.log(
      `  org ${customer.org}, project ${customer.project}, service account ${customer.principalId} with a key`,
    );
    const env = environment(server, customer, terraform, cliConfig);
    const cdktf = cdktfCommand();
    chapter("cdktf deploy examples/quickstart");
    await must(
      "cdktf deploy",
      run({
        command: [...cdktf, "deploy", "--auto-approve", "--skip-provider-lock"],
        cwd: folder,
        env,
        only: telling(),
      }),
    );
    chapter("What was created, as the photon CLI shows it");
    await showWhatIsThere(env, folder);
    chapter("A second plan is empty");
    const stack = join(folder, "cdktf.out/stacks/quickstart");
    await must(
      "the second plan",
      run({
        command: [terraform, "plan", "-detailed-exitcode", "-no-color"],
        cwd: stack,
        env,
        only: (line) => /No changes|Plan:/.test(line),
      }),
    );
    chapter("Packets");
    await showPackets({ data, guests, cloud: clientOf(server.administrator, customer) });
    chapter("Another org's token is refused");
    await showThatStrangersAreRefused(server, customer);
    if (keep) sayHowToGoOn({ server, customer, folder, cliConfig, guests });
    else {
      chapter("Cleaning up");
      await must(
        "cdktf destroy",
        run({
          command: [...cdktf, "destroy", "--auto-approve", "--skip-provider-lock"],
          cwd: folder,
          env,
          only: telling(),
        }),
      );
    }
    done = true;
  } finally {
    if (!keep || !done) {
      await stopServer(server);
      rmSync(folder, { recursive: true, force: true });
      removeGuests(guests);
    }
  }
  chapter("Done");
}

interface Kept {
  readonly server: DemoServer;
  readonly customer: Customer;
  readonly folder: string;
  readonly cliConfig: string;
  readonly guests: GuestPlace;
}

function sayHowToGoOn({ server, customer, folder, cliConfig, guests }: Kept): void {
  const folders = guests.machines === undefined ? folder : `${folder} ${guests.machines}`;
  chapter("The server keeps running");
  console.log(`
  export PHOTON_ENDPOINT=${server.administrator.endpoint} PHOTON_ORG=${customer.org} PHOTON_PROJECT=${customer.project}
  export PHOTON_PRINCIPAL=${customer.principalId} PHOTON_KEY_SECRET=${customer.keySecret}
  export TF_CLI_CONFIG_FILE=${cliConfig} PATH=${join(root, "node_modules/.bin")}:$PATH
  photon vm list                       # look around
  cd ${folder}           # change main.ts, then deploy again:
  ${cdktfCommand().join(" ")} deploy --skip-provider-lock
  kill ${server.process.pid}                           # stop the server; then remove ${folders}`);
  server.process.unref();
}

const terraform = findTerraform();
if (terraform === undefined) {
  console.error(howToInstallTerraform);
  process.exit(1);
}
try {
  await demo(terraform);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
