// The server, or Terraform with the provider, killed in the middle of an apply: applying again ends with exactly what is declared.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServerProcess, until } from "./server-process.ts";
import { Workspace } from "./workspace.ts";

/** How many triples are declared; enough that a kill after the first few is in the middle. */
const triples = 12;

const declared = `
resource "photoncloud_vpc" "all" {
  count = ${triples}
  name  = "net-\${count.index}"
  cidr  = "10.\${count.index}.0.0/16"
}
resource "photoncloud_subnet" "all" {
  count  = ${triples}
  name   = "sub-\${count.index}"
  vpc_id = photoncloud_vpc.all[count.index].id
}
resource "photoncloud_port" "all" {
  count     = ${triples}
  name      = "port-\${count.index}"
  subnet_id = photoncloud_subnet.all[count.index].id
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
    declared,
  );
}, 60_000);

afterEach(async () => {
  workspace.close();
  await server.close();
});

const vpcs = () => server.names("prismnet.v1.VpcService/ListVpcs", "vpcs");
const subnets = () => server.names("prismnet.v1.SubnetService/ListSubnets", "subnets");
const ports = () => server.names("prismnet.v1.PortService/ListPorts", "ports");

async function expectExactlyWhatIsDeclared(): Promise<void> {
  await workspace.apply();
  expect([await vpcs(), await subnets(), await ports()]).toEqual([named("net"), named("sub"), named("port")]);
  expect(Object.keys(await workspace.state())).toHaveLength(3 * triples);
  expect(await workspace.plan()).toEqual({});
  await workspace.destroy();
  expect([await vpcs(), await subnets(), await ports()]).toEqual([[], [], []]);
}

describe("an apply in whose middle", () => {
  test.each([1, 4, 10])(
    "the server is killed after %d networks, and started again, ends well",
    async (some) => {
      const apply = workspace.start("apply", "-auto-approve", "-input=false", "-no-color");
      await until(`${some} networks`, async () => (await vpcs()).length >= some);
      await server.kill();
      await server.start();
      const { code, stdout, stderr } = await apply.done;
      // The provider goes on through a restart of the server: this very apply succeeds.
      expect([code, stderr, code === 0 ? "" : stdout]).toEqual([0, "", ""]);
      await expectExactlyWhatIsDeclared();
    },
    180_000,
  );

  test.each([1, 4, 10])(
    "Terraform is killed after %d networks can be repeated: what was made is taken up",
    async (some) => {
      const apply = workspace.start("apply", "-auto-approve", "-input=false", "-no-color");
      await until(`${some} networks`, async () => (await vpcs()).length >= some);
      process.kill(apply.pid, "SIGKILL");
      await apply.done;
      await expectExactlyWhatIsDeclared();
    },
    180_000,
  );

  test("nobody is killed never takes up what somebody else made", async () => {
    await server.call("prismnet.v1.VpcService/CreateVpc", {
      orgId: "acme",
      projectId: "web",
      name: "net-3",
      cidr: "10.3.0.0/16",
    });
    const { code, stderr } = await workspace.run("apply", "-auto-approve", "-input=false", "-no-color");
    expect(code).toBe(1);
    expect(stderr).toContain('"net-3" is taken');
    expect(stderr).toContain("terraform import");
    expect(Object.keys(await workspace.state())).not.toContain("photoncloud_vpc.all[3]");
  }, 120_000);
});
