// Two servers of one cloud, with one database and one OVN: what either is asked for is at work, and neither undoes what the other does.
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";
import { startPrivateOvn } from "../../server/src/backends/network/ovn/private/start.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../server/src/store/testing/postgres.ts";
import { Hands, type Json } from "../scenarios/calls.ts";
import { describeOnOvn, eventually } from "./field.ts";
import { seated } from "./seated.ts";

const missing = postgresMissing();
const describeHere = (name: string, body: () => void) =>
  missing === undefined ? describeOnOvn(name, body) : describe.skip(`${name} (${missing})`, body);
const open = { all: { direction: "DIRECTION_INGRESS" } };

describeHere("two servers on one database and one OVN", () => {
  const dir = mkdtempSync("/tmp/p");
  let postgres: TestPostgres;
  let ovn: PrivateOvn;
  const servers: TestCloud[] = [];
  const guests: Guest[] = [];
  /** The same tenant's, of each server. */
  let one: Hands;
  let other: Hands;
  beforeAll(async () => {
    [postgres, ovn] = await Promise.all([startPostgres(), startPrivateOvn({ dir, name: "ttwo" })]);
    const remotes = ["--ovn-northbound", ovn.northbound, "--ovn-southbound", ovn.southbound];
    const start = () => startTestCloud({ argv: ["--network", "ovn", ...remotes], databaseUrl: postgres.url });
    const [first, second] = [await start(), await start()];
    servers.push(first, second);
    const tenant = await first.tenant("acme", "web");
    [one, other] = [new Hands(first.url, tenant), new Hands(second.url, tenant)];
  }, 120_000);
  afterAll(async () => {
    for (const guest of guests) await guest.remove();
    for (const server of servers) await server.stop();
    await ovn?.stop();
    await postgres?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 90_000);

  /** Looks through the whole network, as each server does by itself from time to time. */
  async function check(server: TestCloud | undefined): Promise<Json> {
    const url = server?.url ?? "";
    const token = await servers[0]?.adminToken();
    return (await postJson(url, "prismnet.v1.NetworkService/CheckNetwork", {}, token)).body;
  }

  const seat = (hands: Hands, portId: string) => seated(ovn, guests, hands, portId);

  test("make what either is asked for, follow each other's changes, and repair nothing that the other is at", async () => {
    const vpc = await one.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
    const subnet = await other.create("Subnet", { name: "a", vpc_id: vpc.id, cidr: "10.0.1.0/24" });
    const group = await one.create("SecurityGroup", { name: "open", rules: open });
    const place = { subnet_id: subnet.id, security_group_ids: [group.id] };
    const hands = Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? one : other));
    const making = Promise.all(hands.map((by, index) => by.create("Port", { name: `p${index}`, ...place })));
    for (const server of [...servers, ...servers]) await check(server);
    const ports = await making;
    await Promise.all(ports.map(({ id }) => one.ready("Port", id)));
    const [from, to] = [await seat(one, ports[0]?.id ?? ""), await seat(other, ports[1]?.id ?? "")];
    expect(await from.guest.pings(to.address)).toBe(true);

    const rules = async (by: Hands, wanted: Json, pings: boolean) => {
      await by.must("SecurityGroup", "UpdateSecurityGroup", {
        id: group.id,
        security_group: { rules: wanted },
        update_mask: "rules",
      });
      const seen = () => from.guest.pings(to.address);
      expect(await eventually(seen, (answers) => answers === pings)).toBe(pings);
    };
    await rules(other, {}, false);
    await rules(one, open, true);

    const going = Promise.all(
      ports.slice(2).map(({ id }, index) => (index % 2 === 0 ? one : other).remove("Port", id)),
    );
    for (const server of servers) await check(server);
    await going;
    for (const server of servers)
      expect(await eventually(() => check(server), isClean)).toMatchObject({ backend: "ovn" });
    for (const server of servers) expect(isClean(await check(server))).toBe(true);
    expect(await from.guest.pings(to.address)).toBe(true);
  }, 120_000);
});

function isClean({ backend, driftedTotal, straysTotal }: Json): boolean {
  return backend === "ovn" && driftedTotal === undefined && straysTotal === undefined;
}
