// A Northbound of three servers, by packets: its leader is lost while ports are made, and nobody who talks notices.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { command } from "../../server/src/backends/linux/command.ts";
import type { FilterRule } from "../../server/src/backends/network/driver.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { TenantObjects } from "./objects.ts";
import { openTalk } from "./talk.ts";

const tcp = (port: number): FilterRule => ({
  name: `tcp-${port}`,
  direction: "ingress",
  protocol: "tcp",
  ports: { first: port, last: port },
  remote: { type: "any" },
});
const made = 60;

describeOnOvn("a network whose Northbound is a cluster", () => {
  const acme = new TenantObjects("acme");
  let field: Field;
  let client: Guest;
  let server: Guest;
  beforeAll(async () => {
    field = await startField({ hosts: 2, servers: 3 });
    await field.tenant(acme, 1, 2);
    await field.ensure(acme.group("server", [tcp(80)]));
    client = await field.guest(acme.port(1, 10, []));
    server = await field.guest(acme.port(1, 11, ["server"]), { host: 1 });
    for (const port of [80, 81]) await server.serveTcp(port, `server ${port}`);
  }, 90_000);
  afterAll(() => field?.stop(), 60_000);

  /** The process that leads the Northbound. */
  async function leader(): Promise<{ readonly name: string; readonly pid: number }> {
    const query = { op: "select", table: "Database", where: [["name", "==", "OVN_Northbound"]], columns: ["leader"] };
    for (const [index, remote] of field.lab.ovn.northbound.split(",").entries()) {
      const words = ["query", "--no-leader-only", remote, JSON.stringify(["_Server", query])];
      const [answer] = JSON.parse(await command("ovsdb-client", words));
      if (answer.rows[0]?.leader !== true) continue;
      const name = index === 0 ? "northbound" : `northbound-${index + 1}`;
      const daemon = field.lab.ovn.daemons().find((one) => one.name === name);
      if (daemon?.pid !== undefined) return { name, pid: daemon.pid };
    }
    throw new Error("the cluster has no leader");
  }

  test("loses its leader in the middle of changes: no session is cut, all changes are made, and new rules are at work", async () => {
    const talk = await openTalk(client, "10.0.1.11", 80);
    const before = await leader();
    const limit = () => AbortSignal.timeout(60_000);
    const changes = Array.from({ length: made }, (_, index) => acme.port(2, 20 + index, ["server"]));
    const making = Promise.all(changes.map((port) => field.lab.driver.ensure(port, limit())));
    process.kill(before.pid, "SIGKILL");
    await making;
    await field.ensure(acme.router(), acme.group("server", [tcp(80), tcp(81)]));
    expect(await client.connects("10.0.1.11", 81)).toBe("server 81");
    const inventory = await field.lab.driver.inventory();
    expect(inventory.filter(({ type }) => type === "port")).toHaveLength(made + 2);
    const { sent, answered } = await talk.end();
    expect(sent).toBeGreaterThan(10);
    expect(answered).toBe(sent);
  }, 200_000);

  test("whose lost member is back loses the next leader as well", async () => {
    const daemons = () => field.lab.ovn.daemons().filter(({ name }) => name.startsWith("northbound"));
    const all = await eventually(
      async () => daemons(),
      (some) => some.every(({ pid }) => pid !== undefined),
    );
    expect(all.filter(({ pid }) => pid === undefined)).toEqual([]);
    const { pid } = await leader();
    process.kill(pid, "SIGKILL");
    await field.ensure(acme.router(), acme.group("server", [tcp(80)]));
    expect(await client.connects("10.0.1.11", 81)).toBeUndefined();
    expect(await client.connects("10.0.1.11", 80)).toBe("server 80");
  }, 200_000);
});
