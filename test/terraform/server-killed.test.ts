// The server, Terraform or the provider, killed by SIGKILL in the middle of a creation, a change or a removal of many resources: applying again
// ends with exactly what is declared.
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServerProcess, until } from "./server-process.ts";
import { Workspace } from "./workspace.ts";

/** How many triples are declared; enough that a kill after the first few is in the middle. */
const triples = 12;

const declaredAs = (team: string) => `
resource "photoncloud_vpc" "all" {
  count  = ${triples}
  name   = "net-\${count.index}"
  cidr   = "10.\${count.index}.0.0/16"
  labels = { team = "${team}" }
}
resource "photoncloud_subnet" "all" {
  count  = ${triples}
  name   = "sub-\${count.index}"
  vpc_id = photoncloud_vpc.all[count.index].id
  labels = { team = "${team}" }
}
resource "photoncloud_port" "all" {
  count     = ${triples}
  name      = "port-\${count.index}"
  subnet_id = photoncloud_subnet.all[count.index].id
  labels    = { team = "${team}" }
}
`;

const named = (prefix: string) => Array.from({ length: triples }, (_, i) => `${prefix}-${i}`).sort();

let server: ServerProcess;
let workspace: Workspace;

beforeEach(async () => {
  server = new ServerProcess();
  await server.start();
  await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await server.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
  workspace = await Workspace.open(
    { url: server.url, token: await server.token(), orgId: "acme", projectId: "web" },
    declaredAs("red"),
  );
});

afterEach(async () => {
  workspace.close();
  await server.close();
});

const vpcs = () => server.names("prismnet.v1.VpcService/ListVpcs", "vpcs");
const subnets = () => server.names("prismnet.v1.SubnetService/ListSubnets", "subnets");
const ports = () => server.names("prismnet.v1.PortService/ListPorts", "ports");

const ids = async () =>
  Object.values(await workspace.state())
    .map(({ id }) => String(id))
    .sort();

async function expectExactlyWhatIsDeclared(team: string): Promise<void> {
  await workspace.apply();
  expect([await vpcs(), await subnets(), await ports()]).toEqual([named("net"), named("sub"), named("port")]);
  const labels = Object.values(await workspace.state()).map((one) => one.labels);
  expect(labels).toEqual(Array.from({ length: 3 * triples }, () => ({ team })));
  expect(await workspace.plan()).toEqual({});
}

async function expectNothing(): Promise<void> {
  await workspace.destroy();
  expect([await vpcs(), await subnets(), await ports()]).toEqual([[], [], []]);
}

const apply = ["apply", "-auto-approve", "-input=false", "-no-color"];
const labelled = (team: string) =>
  server.names("prismnet.v1.VpcService/ListVpcs", "vpcs", `labels["team"] = "${team}"`);

/** What is done to everything: what there must be before it, its command, and how far it has come. */
const operations = {
  create: {
    before: async () => {},
    command: apply,
    done: async () => (await vpcs()).length,
  },
  update: {
    before: async () => {
      await workspace.apply();
      workspace.write(declaredAs("blue"));
    },
    command: apply,
    done: async () => (await labelled("blue")).length,
  },
  delete: {
    before: () => workspace.apply(),
    command: ["destroy", ...apply.slice(1)],
    done: async () => triples - (await ports()).length,
  },
} as const;
type Operation = keyof typeof operations;

/** A process may be started by any thread of its parent. */
function childrenOf(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

type Running = ReturnType<Workspace["start"]>;
/** Who is killed, and what the run is expected to end with. */
const victims: Readonly<Record<string, (running: Running) => Promise<number>>> = {
  server: async () => {
    await server.kill();
    await server.start();
    // The provider goes on through a restart of the server: this very run succeeds.
    return 0;
  },
  Terraform: async ({ pid }) => {
    process.kill(pid, "SIGKILL");
    return -1;
  },
  provider: async ({ pid }) => {
    for (const child of childrenOf(pid)) process.kill(child, "SIGKILL");
    return 1;
  },
};

const cases = (["create", "update", "delete"] as const).flatMap((operation) =>
  Object.keys(victims).map((victim) => [victim, operation] as const),
);
/** So many are done when somebody is killed: of what is done first, so that most is left. */
const some = 4;

/**
 * Terraform empties its local state file before it writes it: a death between the two is mended as its users do, by the backup that it made before.
 * The first run of a directory makes none, and needs none: an empty file is an empty state to Terraform, and all that was made is taken up.
 */
function restoreState(): void {
  const file = join(workspace.directory, "terraform.tfstate");
  if (readFileSync(file, "utf8") === "" && existsSync(`${file}.backup`)) copyFileSync(`${file}.backup`, file);
}

/** Kills somebody, and lets the run come to its end. */
async function killIn(operation: Operation, victim: string): Promise<void> {
  const { command, done } = operations[operation];
  const running = workspace.start(...command);
  await until(`${operation} of ${some}`, async () => (await done()) >= some);
  const expected = await victims[victim]?.(running);
  const { code, stdout, stderr } = await running.done;
  expect([code, code === expected ? "" : stdout + stderr]).toEqual([expected, ""]);
  restoreState();
}

describe("the SIGKILL of", () => {
  test.each(cases)("the %s in the middle of a %s is mended by the next run", async (victim, operation) => {
    await operations[operation].before();
    const before = await ids();
    await killIn(operation, victim);
    if (operation !== "delete") await expectExactlyWhatIsDeclared(operation === "update" ? "blue" : "red");
    if (operation === "update") expect(await ids()).toEqual(before);
    await expectNothing();
  });
});

test("the SIGKILL of Terraform while its first state file is empty loses nothing", async () => {
  await killIn("create", "Terraform");
  const file = join(workspace.directory, "terraform.tfstate");
  expect(existsSync(`${file}.backup`)).toBe(false);
  writeFileSync(file, "");
  const before = await server.ids("prismnet.v1.VpcService/ListVpcs", "vpcs");
  await expectExactlyWhatIsDeclared("red");
  const after = await server.ids("prismnet.v1.VpcService/ListVpcs", "vpcs");
  expect(after).toEqual(expect.arrayContaining(before));
  await expectNothing();
});

test("an apply with -target after the SIGKILL of Terraform makes its block's own, and takes up no twin that the state holds", async () => {
  const twin = (name: string) => `resource "photoncloud_service_account" "${name}" {\n  labels = { of = "twins" }\n}\n`;
  workspace.write(declaredAs("red") + twin("one") + twin("other"));
  const running = workspace.start(...apply, "-target=photoncloud_service_account.one", "-target=photoncloud_port.all");
  const written = () => readFileSync(join(workspace.directory, "terraform.tfstate"), "utf8");
  await until("the first twin in the state", async () => written().includes('"photoncloud_service_account"'));
  process.kill(running.pid, "SIGKILL");
  await running.done;
  restoreState();
  await workspace.apply("-target=photoncloud_service_account.other");
  await workspace.apply();
  const state = await workspace.state();
  const twins = [state["photoncloud_service_account.one"]?.id, state["photoncloud_service_account.other"]?.id];
  const there = await server.ids("iam.v1.ServiceAccountService/ListServiceAccounts", "serviceAccounts");
  expect(twins.map(String).sort()).toEqual(there);
  expect(new Set(twins).size).toBe(2);
  expect(await workspace.plan()).toEqual({});
});

test("what somebody else made is never taken up", async () => {
  await server.call("prismnet.v1.VpcService/CreateVpc", {
    orgId: "acme",
    projectId: "web",
    name: "net-3",
    cidr: "10.3.0.0/16",
  });
  const { code, stderr } = await workspace.run(...apply);
  expect(code).toBe(1);
  expect(stderr).toContain('"net-3" is taken');
  expect(stderr).toContain("terraform import");
  expect(Object.keys(await workspace.state())).not.toContain("photoncloud_vpc.all[3]");
});
