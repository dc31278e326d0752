// A deploy during which the plug of everything is pulled, the server's own included, ends as if nothing had happened.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { namespaces } from "../../server/src/backends/linux/namespaces.ts";
import { describeOnOvn } from "../../server/src/backends/network/ovn/testing/require.ts";
import { ServerProcess, until } from "../terraform/server-process.ts";

const tenant = { orgId: "acme", projectId: "web" };
const ports = 24;
/** Those that a machine sits on, two in each subnet. */
const machines = 4;
/** Between one plug and the next; a deploy of this size takes a few seconds. */
const pauseMs = 300;

type Made = Readonly<Record<string, unknown>>;

describeOnOvn("a deploy on a server with an OVN of its own", () => {
  const server = new ServerProcess(["--network", "ovn", "--hypervisor", "simulated"]);
  beforeAll(() => server.start(), 60_000);
  afterAll(async () => {
    await server.stop();
    await server.close();
  }, 30_000);

  /** Insists, as Terraform's retries do: the same key gets the same answer. */
  async function make(service: string, noun: string, body: object): Promise<Made> {
    const method = `${service}/Create${noun}`;
    let made: Made = {};
    await until(`the creation of ${JSON.stringify(body)}`, async () => {
      made = await server.call(method, { ...tenant, ...body }).catch(async (error: unknown) => {
        if (!String(error).includes("already_exists")) throw error;
        return find(service, noun, body);
      });
      return true;
    });
    return made;
  }

  /** What an earlier try has made. */
  async function find(service: string, noun: string, body: object): Promise<Made> {
    const page = await server.call(`${service}/List${noun}s`, { ...tenant, pageSize: 1_000 });
    const [items] = Object.values(page).filter(Array.isArray);
    const found = items?.find((item: Made) => "name" in body && item.name === body.name);
    if (found === undefined) throw new Error(`${noun} is neither made nor there`);
    return found;
  }

  async function deploy(): Promise<{ readonly ports: readonly Made[]; readonly vms: readonly Made[] }> {
    const vpc = await make("prismnet.v1.VpcService", "Vpc", { name: "main", cidr: "10.0.0.0/16" });
    const rules = { all: { direction: "DIRECTION_INGRESS" } };
    const group = await make("prismnet.v1.SecurityGroupService", "SecurityGroup", { name: "open", rules });
    const subnets = await Promise.all(
      [0, 1].map((n) =>
        make("prismnet.v1.SubnetService", "Subnet", { name: `s${n}`, vpcId: vpc.id, cidr: `10.0.${n}.0/24` }),
      ),
    );
    const made: Made[] = [];
    for (let n = 0; n < ports; n++) {
      const body = { name: `p${n}`, subnetId: subnets[n % 2]?.id, securityGroupIds: [group.id] };
      made.push(await make("prismnet.v1.PortService", "Port", body));
      await wait(pauseMs / 2);
    }
    const spec = (port: Made) => ({ network: [{ id: "eth0", portId: port.id }] });
    const vms = await Promise.all(
      made
        .slice(0, machines)
        .map((port, n) => make("plasmavmc.v1.VmService", "Vm", { name: `vm${n}`, spec: spec(port) })),
    );
    return { ports: made, vms };
  }

  /** The pid files of the private OVN's daemons. */
  function daemons(): string[] {
    const folder = join(server.folder, "ovn");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".pid"));
    return files.map((file) => join(folder, file));
  }

  async function pullEveryPlug(): Promise<string[]> {
    const pulled: string[] = [];
    for (const file of daemons()) {
      process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
      pulled.push(file);
      await wait(pauseMs);
    }
    await server.kill();
    await server.start();
    return pulled;
  }

  async function expectAllReady(kinds: readonly (readonly [string, string])[]): Promise<void> {
    for (const [service, noun] of kinds)
      await until(`every ${noun} is ready`, async () => {
        const page = await server.call(`${service}/List${noun}s`, { ...tenant, pageSize: 1_000 });
        const [items = []] = Object.values(page).filter(Array.isArray);
        return items.length > 0 && items.every((item) => item.status?.state === "STATE_READY");
      });
  }

  /** The namespaces that stand for machines. */
  const standIns = async () => (await namespaces()).filter((name) => vmIds.some((id) => name.endsWith(`-vm-${id}`)));
  let vmIds: string[] = [];

  test("converges: all is ready, packets pass, and the network is as the store has it", async () => {
    await server.call("iam.v1.OrgService/CreateOrg", { id: tenant.orgId });
    await server.call("iam.v1.ProjectService/CreateProject", { orgId: tenant.orgId, id: tenant.projectId });
    const [made, pulled] = await Promise.all([deploy(), pullEveryPlug()]);
    expect(pulled).toHaveLength(6);
    vmIds = made.vms.map(({ id }) => String(id).replace(/^vm-/, ""));
    await expectAllReady([
      ["prismnet.v1.SubnetService", "Subnet"],
      ["prismnet.v1.PortService", "Port"],
      ["plasmavmc.v1.VmService", "Vm"],
    ]);
    await until("every machine has somebody in its place", async () => (await standIns()).length === machines);
    for (const namespace of await standIns())
      for (const { ipAddress } of made.ports.slice(0, machines))
        await until(`${namespace} reaches ${ipAddress}`, async () => {
          const words = ["netns", "exec", namespace, "ping", "-n", "-c", "1", "-W", "1", String(ipAddress)];
          return (await runCommand("ip", words)).code === 0;
        });
    await until("the network is as the store has it", async () => {
      const found = await server.call("prismnet.v1.NetworkService/CheckNetwork", {});
      return found.backend === "ovn" && found.driftedTotal === undefined && found.straysTotal === undefined;
    });
  }, 180_000);
});
