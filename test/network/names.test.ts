import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { Vpc } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { namespaces } from "../../server/src/backends/linux/namespaces.ts";
import { acme, rival } from "../../server/src/services/testing/small-cloud.ts";
import { type AgentCloud, openRules, startAgentCloud } from "./agent-cloud.ts";
import { describeOnOvn, eventually, type Guest } from "./field.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

/** What dig finds, a line each, sorted; "status: X" where it finds nothing. */
async function dig(guest: Guest, ...words: readonly string[]): Promise<string> {
  const { stdout } = await guest.run("dig", "+tries=2", "+time=2", "+noall", "+answer", "+comments", ...words);
  const answers = stdout.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? stdout.trim().split("\n").at(-1) ?? "";
  return answers.length === 0
    ? status
    : answers
        .map((line) => line.split(/\s+/).at(-1))
        .toSorted()
        .join(" ");
}

describeOnOvn("names in a VPC", () => {
  let cloud: AgentCloud;
  let upstream: Upstream;
  let vpc: Vpc;
  let subnet: Subnet;
  let web: Port;
  let db: Port;
  let guest: Guest;
  let far: Guest;

  beforeAll(async () => {
    upstream = await startUpstream();
    cloud = await startAgentCloud([upstream.address]);
    ({ vpc, subnet } = await cloud.network());
    [web, db] = await Promise.all([cloud.port(subnet, { name: "web" }), cloud.port(subnet, { name: "db" })]);
    [guest, far] = await Promise.all([cloud.guest(web), cloud.guest(db, 1)]);
  }, 120_000);
  afterAll(async () => {
    await cloud?.stop();
    upstream?.stop();
  }, 60_000);

  const service = () => `@${subnet.serviceAddress}`;
  const name = (label: string) => `${label}.alpha.acme.cloud.internal`;

  test("are answered on every host, over UDP and TCP, with EDNS and without", async () => {
    await eventually(
      () => dig(guest, service(), name("db")),
      (found) => found === db.ipAddress,
    );
    await eventually(
      () => dig(far, service(), name("web")),
      (found) => found === web.ipAddress,
    );
    for (const how of ["+notcp", "+tcp", "+noedns", "+edns=0", "+bufsize=4096", "+dnssec", "+cookie"]) {
      expect([how, await dig(guest, service(), how, name("db"))]).toEqual([how, db.ipAddress]);
      expect([how, await dig(far, service(), how, name("web"), "AAAA")]).toEqual([how, web.ipv6Address]);
    }
  });
});
