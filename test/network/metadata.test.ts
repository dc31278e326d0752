import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { Port } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { ip } from "../../server/src/backends/linux/namespaces.ts";
import { acme, rival } from "../../server/src/services/testing/small-cloud.ts";
import { type AgentCloud, startAgentCloud } from "./agent-cloud.ts";
import { describeOnOvn, eventually, type Guest } from "./field.ts";

const v4 = "http://169.254.169.254";
const v6 = "http://[fe80::a9fe:a9fe%25eth0]";

/** The status and the body; "000" where nothing answers. */
async function curl(guest: Guest, ...words: readonly string[]): Promise<string> {
  const { stdout } = await guest.run("curl", "-s", "-g", "-m", "5", "-w", "\n%{http_code}", ...words);
  const lines = stdout.split("\n");
  return [lines.pop(), lines.join("\n")].join(" ").trim();
}

async function tokenOf(guest: Guest, url = v4, ...words: readonly string[]): Promise<string> {
  const ttl = ["-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"];
  return curl(guest, ...words, "-X", "PUT", ...ttl, `${url}/latest/api/token`);
}

async function get(guest: Guest, path: string, url = v4): Promise<string> {
  const token = (await tokenOf(guest, url)).replace(/^200 /, "");
  return curl(guest, "-H", `X-aws-ec2-metadata-token: ${token}`, `${url}${path}`);
}

describeOnOvn("metadata in a subnet", () => {
  let cloud: AgentCloud;
  let subnet: Subnet;
  let port: Port;
  let guest: Guest;
  let vmId: string;

  const vmOn = ({ id: portId }: Port, tenant: typeof acme, name: string, userData: string) =>
    cloud.cloud.create(VmSchema, { ...tenant, name, spec: { network: [{ id: "eth0", portId }], userData } });
  /** Waits until the guest's host serves the subnet. */
  const served = async (one: Guest) => {
    expect(
      await eventually(
        () => tokenOf(one),
        (told) => told.startsWith("200 "),
      ),
    ).toMatch(/^200 /);
  };

  beforeAll(async () => {
    cloud = await startAgentCloud();
    ({ subnet } = await cloud.network());
    port = await cloud.port(subnet, { name: "web-port" });
    ({ id: vmId } = await vmOn(port, acme, "web", "#cloud-config\nalpha: 1\n"));
    guest = await cloud.guest(port);
    await served(guest);
  }, 120_000);
  afterAll(() => cloud?.stop(), 60_000);

  test("tells a guest about itself, if it has a token", async () => {
    expect(await get(guest, "/latest/meta-data/instance-id")).toBe(`200 ${vmId}`);
    expect(await get(guest, "/latest/meta-data/local-hostname")).toBe("200 web.alpha.acme.cloud.internal");
    expect(await get(guest, "/latest/meta-data/mac")).toBe(`200 ${port.macAddress}`);
    expect(await get(guest, "/latest/user-data")).toBe("200 #cloud-config\nalpha: 1");
    expect(await get(guest, "/photon/v1")).toContain(`"port_id": "${port.id}"`);
    expect(await curl(guest, `${v4}/latest/meta-data/`)).toMatch(/^401 /);
    expect(await curl(guest, "-H", "X-aws-ec2-metadata-token: made-up", `${v4}/latest/user-data`)).toMatch(/^401 /);
    expect(await tokenOf(guest, v4, "-H", "X-Forwarded-For: 10.0.0.1")).toMatch(/^403 /);
  });

  test("is there over IPv6, for the link-local address that the guest's MAC makes (T11)", async () => {
    const eui64 = macToLinkLocal(port.macAddress);
    await ip(guest.namespace, `addr replace ${eui64}/64 dev eth0 nodad`);
    const told = await eventually(
      () => get(guest, "/latest/meta-data/instance-id", v6),
      (one) => one.startsWith("200"),
    );
    expect(told).toBe(`200 ${vmId}`);
    expect(await curl(guest, `${v6}/latest/meta-data/instance-id`)).toMatch(/^401 /);
    expect(await tokenOf(guest, v6, "-H", "X-Forwarded-For: 10.0.0.1")).toMatch(/^403 /);
  });

  test("is one hop away, so that no guest hands it on", async () => {
    expect((await guest.run("ping", "-c", "1", "-W", "3", "169.254.169.254")).stdout).toContain("ttl=1 ");
    expect((await guest.run("ping", "-c", "1", "-W", "3", subnet.serviceAddress)).stdout).toContain("ttl=64 ");
  });

  test("is another tenant's own at the same address, and its token is worth nothing here", async () => {
    const theirs = await cloud.port((await cloud.network(rival)).subnet, { name: "web-port" });
    expect(theirs.ipAddress).toBe(port.ipAddress);
    const vm = await vmOn(theirs, rival, "web", "rival's secret");
    const stranger = await cloud.guest(theirs);
    await served(stranger);
    expect(await get(stranger, "/latest/meta-data/instance-id")).toBe(`200 ${vm.id}`);
    expect(await get(stranger, "/latest/user-data")).toBe("200 rival's secret");
    expect(await get(guest, "/latest/meta-data/instance-id")).toBe(`200 ${vmId}`);
    const token = (await tokenOf(stranger)).replace(/^200 /, "");
    expect(await curl(guest, "-H", `X-aws-ec2-metadata-token: ${token}`, `${v4}/latest/user-data`)).toMatch(/^401 /);
  });

  test("of a port without a VM is the port's alone, on another host, too", async () => {
    const bare = await cloud.port(subnet, { name: "bare" });
    const other = await cloud.guest(bare, 1);
    await served(other);
    expect(await get(other, "/latest")).toBe("200 meta-data/");
    expect(await get(other, "/latest/user-data")).toMatch(/^404 /);
    expect(await get(other, "/latest/meta-data/hostname")).toBe("200 bare.alpha.acme.cloud.internal");
  });

  test("is not told to a guest that forwards and takes another's address, even if it says that the address is its own", async () => {
    const router = await cloud.port(subnet, { name: "router", forwarding: true });
    const thief = await cloud.guest(router);
    await served(thief);
    expect(await get(thief, "/latest/meta-data/hostname")).toBe("200 router.alpha.acme.cloud.internal");
    await thief.configure({ addresses: [`${port.ipAddress}/32`] });
    await thief.run("busybox", "arping", "-c", "3", "-U", "-I", "eth0", port.ipAddress ?? "");
    const tries = [1, 2, 3].map(() => tokenOf(thief, v4, "--interface", port.ipAddress ?? ""));
    for (const told of await Promise.all(tries)) expect(told).not.toMatch(/^200/);
    expect(await get(guest, "/latest/meta-data/instance-id")).toBe(`200 ${vmId}`);
  });
}, ["curl"]);

function macToLinkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(":")}`;
}
