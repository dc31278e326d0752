// An OVN of the operator's that is reached over the network: by TCP, and by TLS with certificates that are renewed while the server runs.
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { command } from "../../server/src/backends/linux/command.ts";
import type { TlsFiles } from "../../server/src/backends/network/ovn/ovsdb/database.ts";
import { type Authority, newAuthority } from "../../server/src/backends/network/ovn/ovsdb/testing/certificates.ts";
import { freePort } from "../../server/src/backends/network/ovn/ovsdb/testing/ovsdb-servers.ts";
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";
import { startPrivateOvn } from "../../server/src/backends/network/ovn/private/start.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import { describeOnOvn } from "../../server/src/backends/network/ovn/testing/require.ts";
import { Hands } from "../scenarios/calls.ts";
import { seated } from "./seated.ts";

const sides = ["nb", "sb"] as const;

describeOnOvn("a server whose OVN is reached", () => {
  let dir = "";
  let ovn: PrivateOvn;
  let authority: Authority;
  /** What both databases listen with. */
  let served: TlsFiles;
  const tcp = { nb: 0, sb: 0 };
  const ssl = { nb: 0, sb: 0 };
  const clouds: TestCloud[] = [];
  const guests: Guest[] = [];
  beforeAll(async () => {
    dir = await mkdtemp("/tmp/p");
    ovn = await startPrivateOvn({ dir, name: "trem" });
    authority = await newAuthority(dir, "authority");
    served = await authority.issue("ovn-central");
    for (const side of sides) {
      [tcp[side], ssl[side]] = [await freePort(), await freePort()];
      const files = [served.keyFile, served.certFile, served.caFile];
      const listen = [`ptcp:${tcp[side]}:127.0.0.1`, `pssl:${ssl[side]}:127.0.0.1`];
      await command(`ovn-${side}ctl`, [
        ...[`--db=unix:${dir}/${side}1.sock`, "--timeout=10"],
        ...["set-ssl", ...files, "--", "set-connection", ...listen],
      ]);
    }
  }, 60_000);
  // An OVN is one cloud's.
  afterEach(async () => {
    for (const cloud of clouds.splice(0)) await cloud.stop();
  }, 30_000);
  afterAll(async () => {
    for (const guest of guests) await guest.remove();
    await ovn?.stop();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  async function serverBy(protocol: "tcp" | "ssl", ports: typeof tcp, ...more: readonly string[]): Promise<TestCloud> {
    const remote = (side: (typeof sides)[number]) => `${protocol}:127.0.0.1:${ports[side]}`;
    const remotes = ["--ovn-northbound", remote("nb"), "--ovn-southbound", remote("sb")];
    const cloud = await startTestCloud({ argv: ["--network", "ovn", ...remotes, ...more] });
    clouds.push(cloud);
    return cloud;
  }

  const filesOf = ({ keyFile, certFile, caFile }: TlsFiles) => [
    ...["--ovn-tls-key", keyFile, "--ovn-tls-cert", certFile],
    ...["--ovn-tls-ca", caFile, "--ovn-tls-name", "ovn-central"],
  ];

  /** Two guests of which one pings the other, and would as OVN traces it. */
  async function packetsPass(cloud: TestCloud): Promise<void> {
    const hands = new Hands(cloud.url, await cloud.tenant("acme", "web"));
    const vpc = await hands.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
    const subnet = await hands.create("Subnet", { name: "a", vpc_id: vpc.id, cidr: "10.0.1.0/24" });
    const rules = { all: { direction: "DIRECTION_INGRESS" } };
    const group = await hands.create("SecurityGroup", { name: "open", rules });
    const place = { subnet_id: subnet.id, security_group_ids: [group.id] };
    const ports = [await hands.create("Port", { name: "one", ...place })];
    ports.push(await hands.create("Port", { name: "two", ...place }));
    const [one, two] = await Promise.all(ports.map(({ id }) => seated(ovn, guests, hands, id)));
    expect(await one?.guest.pings(two?.address ?? "")).toBe(true);
    // OVN's own trace asks the Southbound itself.
    const asked = { id: ports[0]?.id, destination: two?.address, protocol: "PROTOCOL_ICMP" };
    expect(await hands.must("Port", "AnalyzePath", asked)).toMatchObject({ delivered: true });
  }

  /** Asks for a VPC whose answer waits until the hosts have it. */
  async function receipt(cloud: TestCloud, name: string): Promise<unknown> {
    const { orgId, projectId, token } = await cloud.tenant("acme", "web");
    const body = { org_id: orgId, project_id: projectId, name, cidr: "10.9.0.0/16" };
    const headers = { "photon-wait": "programmed", "photon-wait-ms": "20000" };
    const answer = await fetch(`${cloud.url}/prismnet.v1.VpcService/CreateVpc`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, receipt: answer.headers.get("photon-receipt") };
  }

  test("by TCP carries packets", async () => {
    const cloud = await serverBy("tcp", tcp);
    await packetsPass(cloud);
    expect(await receipt(cloud, "told")).toEqual({ status: 200, receipt: "programmed" });
  }, 90_000);

  test("by TLS carries packets, also with certificates of a new authority after OVN restarts", async () => {
    const mine = await authority.issue("photon-server");
    const cloud = await serverBy("ssl", ssl, ...filesOf(mine));
    await packetsPass(cloud);
    expect(await receipt(cloud, "told")).toEqual({ status: 200, receipt: "programmed" });
    await renew(mine);
    expect(await receipt(cloud, "renewed")).toEqual({ status: 200, receipt: "programmed" });
  }, 120_000);

  /** Everybody's certificates are of another authority; both databases are killed, and come back. */
  async function renew(mine: TlsFiles): Promise<void> {
    const next = await newAuthority(dir, "next");
    const [ofOvn, ofOurs] = [await next.issue("ovn-central"), await next.issue("photon-server")];
    for (const [from, to] of [
      [ofOvn, served],
      [ofOurs, mine],
    ] as const) {
      await copyFile(from.keyFile, to.keyFile);
      await copyFile(from.certFile, to.certFile);
      await copyFile(from.caFile, to.caFile);
    }
    for (const { name, pid } of ovn.daemons())
      if (/^(north|south)bound$/.test(name) && pid !== undefined) process.kill(pid, "SIGKILL");
  }

  test("with files that are no certificates does not start, and says which setting it is", async () => {
    const { keyFile, certFile } = await authority.issue("photon-server");
    const start = serverBy("ssl", ssl, ...filesOf({ keyFile, certFile, caFile: "/nowhere/ca.pem" }));
    await expect(start).rejects.toThrow(/ovn-tls-ca can't be used: \/nowhere\/ca.pem/);
  });
});
