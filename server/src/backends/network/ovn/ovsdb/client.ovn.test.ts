import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { openDatabase } from "./client.ts";
import { type Database, type DatabaseOptions, type Operation, OvsdbError, type RowChange } from "./database.ts";
import {
  type OvsdbServer,
  type OvsdbServers,
  ovsdbMissing,
  selfSigned,
  startCluster,
  startServer,
} from "./testing/ovsdb-servers.ts";

const ours = new Map([["photon:owner", "photoncloud"]]);
const where = { column: "external_ids", includes: { "photon:owner": "photoncloud" } };
const monitor = {
  Logical_Switch: { columns: ["name", "ports", "external_ids", "of_another_time"], where },
  Logical_Switch_Port: { columns: ["name", "addresses", "options", "external_ids"], where },
  Port_Group: { columns: ["name", "ports"] },
  NB_Global: { columns: ["nb_cfg"] },
};
const limit = () => AbortSignal.timeout(20_000);

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

async function using<T extends AsyncDisposable>(started: Promise<T>): Promise<T> {
  const resource = await started;
  open.push(resource);
  return resource;
}

async function client(servers: OvsdbServers, more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const options = { remote: servers.remote, database: "OVN_Northbound", monitor, ...more };
  const database = await openDatabase(options, limit());
  open.push({ [Symbol.asyncDispose]: () => database.close() });
  return database;
}

function aSwitch(uuid: string, name = "s"): Operation {
  return { op: "insert", table: "Logical_Switch", uuid, row: { name, external_ids: ours } };
}

/** A port and its place in a switch. */
function aPort(uuid: string, switchId: string): Operation[] {
  return [
    { op: "insert", table: "Logical_Switch_Port", uuid, row: { name: uuid, external_ids: ours } },
    { op: "mutate", table: "Logical_Switch", uuid: switchId, column: "ports", insert: new Set([uuid]) },
  ];
}

function uuids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** Sends again for as long as the connection is what fails. Answers how often it was sent. */
async function persistently(database: Database, operations: readonly Operation[]): Promise<number> {
  for (let sent = 1; ; sent++) {
    try {
      await database.transact(operations, limit());
      return sent;
    } catch (err) {
      if (!(err instanceof OvsdbError) || err.reason !== "disconnected") throw err;
    }
  }
}

function describeOnOvsdb(name: string, body: () => void): void {
  const missing = ovsdbMissing();
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (${missing})`, body);
}

describeOnOvsdb("one ovsdb-server", () => {
  test("takes transactions whose changes are in the copy, as our own, when they resolve", async () => {
    const database = await client(await using(startServer()));
    const changes: RowChange[] = [];
    database.onChange((some) => changes.push(...some));
    const [switchId = "", portId = "", groupId = ""] = uuids(3);
    await database.transact([aSwitch(switchId), ...aPort(portId, switchId)]);
    const ports = new Set([portId]);
    expect(database.row("Logical_Switch", switchId)).toEqual({ name: "s", ports, external_ids: ours });
    await database.transact([{ op: "insert", table: "Port_Group", uuid: groupId, row: { name: "g", ports } }]);
    await database.transact([{ op: "delete", table: "Logical_Switch", uuid: switchId }]);
    expect(database.row("Port_Group", groupId)?.ports).toEqual(new Set());
    expect(database.rows("Logical_Switch_Port").size).toBe(0);
    expect(changes.map(({ own }) => own)).toEqual([true, true, true, true, true, true]);
    expect(database.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("changes columns, sets and maps, and nothing else", async () => {
    const database = await client(await using(startServer()));
    const [switchId = "", portId = ""] = uuids(2);
    const options = new Map([
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
    ]);
    const at = { table: "Logical_Switch_Port", uuid: portId };
    await database.transact([aSwitch(switchId), ...aPort(portId, switchId), { op: "update", ...at, row: { options } }]);
    await database.transact([
      {
        op: "mutate",
        ...at,
        column: "options",
        insert: new Map([
          ["a", "9"],
          ["d", "4"],
        ]),
        remove: new Set(["b"]),
      },
      { op: "mutate", ...at, column: "addresses", insert: new Set(["x", "y"]) },
      { op: "mutate", ...at, column: "addresses", remove: new Set(["x", "z"]) },
    ]);
    expect(database.row("Logical_Switch_Port", portId)).toEqual({
      name: portId,
      addresses: new Set(["y"]),
      options: new Map([
        ["a", "9"],
        ["c", "3"],
        ["d", "4"],
      ]),
      external_ids: ours,
    });
  });

  test("raises a number and answers it", async () => {
    const database = await client(await using(startServer()));
    const increment: Operation = { op: "increment", table: "NB_Global", column: "nb_cfg" };
    await expect(database.transact([increment])).rejects.toMatchObject({ reason: "refused" });
    await database.transact([{ op: "insert", table: "NB_Global", uuid: randomUUID(), row: {} }]);
    const many = await Promise.all(Array.from({ length: 20 }, () => database.transact([increment])));
    expect(many.flat()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test.each<[name: string, operation: (there: string, missing: string) => Operation, message: RegExp]>([
    [
      "an update of a missing row",
      (_, uuid) => ({ op: "update", table: "Logical_Switch", uuid, row: { name: "x" } }),
      /no such row/,
    ],
    [
      "an insert into a set of a missing row",
      (there, uuid) => ({ op: "mutate", table: "Logical_Switch", uuid, column: "ports", insert: new Set([there]) }),
      /no such row/,
    ],
    [
      "a row that is not as expected",
      (uuid) => ({ op: "expect", table: "Logical_Switch", uuid, row: { name: "x" } }),
      /not as expected/,
    ],
    [
      "a reference to a missing row",
      (uuid, missing) => ({ op: "update", table: "Logical_Switch", uuid, row: { ports: new Set([missing]) } }),
      /referential integrity/,
    ],
    [
      "a name that is taken",
      () => ({ op: "insert", table: "Port_Group", uuid: randomUUID(), row: { name: "taken" } }),
      /constraint/,
    ],
  ])("refuses the whole transaction for %s", async (_name, operation, message) => {
    const database = await client(await using(startServer()));
    const [there = "", missing = "", other = ""] = uuids(3);
    await database.transact([
      aSwitch(there),
      { op: "insert", table: "Port_Group", uuid: randomUUID(), row: { name: "taken" } },
    ]);
    const failed = database.transact([aSwitch(other), operation(there, missing)]);
    await expect(failed).rejects.toMatchObject({ reason: "refused", message: expect.stringMatching(message) });
    expect(database.row("Logical_Switch", other)).toBeUndefined();
  });

  test("has nothing to do for taking from a missing row, or deleting it", async () => {
    const database = await client(await using(startServer()));
    const [uuid = "", port = ""] = uuids(2);
    await database.transact([
      { op: "mutate", table: "Logical_Switch", uuid, column: "ports", remove: new Set([port]) },
      { op: "delete", table: "Logical_Switch", uuid },
    ]);
    expect(database.rows("Logical_Switch").size).toBe(0);
  });

  test("takes a transaction again, though others of its inserts are new", async () => {
    const database = await client(await using(startServer()));
    const [switchId = "", ...ports] = uuids(11);
    const all = [aSwitch(switchId), ...ports.flatMap((uuid) => aPort(uuid, switchId))];
    await database.transact(all.slice(0, 11));
    await database.transact(all);
    expect(new Set(database.rows("Logical_Switch_Port").keys())).toEqual(new Set(ports));
    expect(database.row("Logical_Switch", switchId)?.ports).toEqual(new Set(ports));
  });

  test("shows only rows that the condition selects, and tells them from others' changes", async () => {
    const servers = await using(startServer());
    const [database, stranger] = [await client(servers), await client(servers)];
    const changes: RowChange[] = [];
    database.onChange((some) => changes.push(...some));
    const [mine = "", foreign = ""] = uuids(2);
    await stranger.transact([{ op: "insert", table: "Logical_Switch", uuid: foreign, row: { name: "foreign" } }]);
    await stranger.transact([aSwitch(mine)]);
    await stranger.transact([
      { op: "mutate", table: "Logical_Switch", uuid: mine, column: "external_ids", remove: new Set(["photon:owner"]) },
    ]);
    await database.until(() => (changes.length === 2 ? true : undefined), limit());
    expect(changes.map(({ uuid, own, after }) => [uuid, own, after === undefined])).toEqual([
      [mine, false, false],
      [mine, false, true],
    ]);
  });

  test("loses and doubles nothing when it is killed and started in the middle of writes", async () => {
    const servers = await using(startServer());
    const database = await client(servers);
    const [switchId = "", ...ports] = uuids(401);
    await database.transact([aSwitch(switchId)]);
    const reconnects: boolean[] = [];
    database.onReconnect(({ whole }) => reconnects.push(whole));
    const writes = ports.map((uuid) => persistently(database, aPort(uuid, switchId)));
    await database.until(() => (database.rows("Logical_Switch_Port").size >= 100 ? true : undefined), limit());
    for (const server of servers.servers) {
      await server.kill();
      await server.start();
    }
    const sent = await Promise.all(writes);
    expect(sent.some((times) => times > 1)).toBe(true);
    expect(reconnects).toEqual([true]);
    expect(new Set(database.rows("Logical_Switch_Port").keys())).toEqual(new Set(ports));
    const fresh = await client(servers);
    expect(fresh.rows("Logical_Switch_Port")).toEqual(database.rows("Logical_Switch_Port"));
    expect(fresh.row("Logical_Switch", switchId)?.ports).toEqual(new Set(ports));
  });

  test("lets the process do other things while 20,000 transactions are under way", async () => {
    const database = await client(await using(startServer()));
    const [switchId = ""] = uuids(1);
    await database.transact([aSwitch(switchId)]);
    let turns = 0;
    const watch = setInterval(() => turns++, 5);
    const rename = (name: string): Operation => ({
      op: "update",
      table: "Logical_Switch",
      uuid: switchId,
      row: { name },
    });
    await Promise.all(Array.from({ length: 20_000 }, (_, index) => database.transact([rename(`s${index}`)])));
    clearInterval(watch);
    expect(database.row("Logical_Switch", switchId)?.name).toBe("s19999");
    expect(turns).toBeGreaterThan(5);
  });

  test("is reached by TLS with certificates of its CA alone", async () => {
    let files = { keyFile: "", certFile: "", caFile: "" };
    const servers = await using(
      startServer(async (dir) => {
        files = await selfSigned(dir);
        return files;
      }),
    );
    const database = await client(servers, { tls: files });
    const [switchId = ""] = uuids(1);
    await database.transact([aSwitch(switchId)]);
    expect(database.row("Logical_Switch", switchId)?.name).toBe("s");
    const wrong = await selfSigned(servers.dir, "wrong");
    const stranger = openDatabase(
      { remote: servers.remote, database: "OVN_Northbound", monitor, tls: wrong },
      AbortSignal.timeout(500),
    );
    await expect(stranger).rejects.toMatchObject({ reason: "closed", cause: expect.anything() });
  });
});

describeOnOvsdb("a cluster of three", () => {
  async function leaderOf({ servers }: OvsdbServers): Promise<OvsdbServer> {
    for (;;)
      for (const server of servers) {
        const status = await server.control("cluster/status", "OVN_Northbound").catch(() => "");
        if (status.includes("Role: leader")) return server;
      }
  }

  test("keeps 400 ports whose writes were under way when the leader was killed, each once", async () => {
    const servers = await using(startCluster());
    const log: string[] = [];
    const database = await client(servers, { log: (message) => log.push(message) });
    const [switchId = "", ...ports] = uuids(401);
    await database.transact([aSwitch(switchId)]);
    const leader = await leaderOf(servers);
    expect(log).toEqual([`connected to OVN_Northbound at ${leader.remote}`]);
    const writes = ports.map((uuid) => persistently(database, aPort(uuid, switchId)));
    await database.until(() => (database.rows("Logical_Switch_Port").size >= 50 ? true : undefined), limit());
    await leader.kill();
    const sent = await Promise.all(writes);
    expect(sent.some((times) => times > 1)).toBe(true);
    expect(log.at(-1)).toBe(`connected to OVN_Northbound at ${(await leaderOf(servers)).remote}`);
    expect(new Set(database.rows("Logical_Switch_Port").keys())).toEqual(new Set(ports));
    const fresh = await client(servers);
    expect(fresh.row("Logical_Switch", switchId)?.ports).toEqual(new Set(ports));
  });

  test("is followed to a new leader without reading everything anew", async () => {
    const servers = await using(startCluster());
    const database = await client(servers);
    const [switchId = "", portId = ""] = uuids(2);
    await database.transact([aSwitch(switchId)]);
    const back = new Promise<boolean>((resolve) => database.onReconnect(({ whole }) => resolve(whole)));
    await (await leaderOf(servers)).control("cluster/failure-test", "transfer-leadership");
    expect(await back).toBe(false);
    await persistently(database, aPort(portId, switchId));
    expect(database.row("Logical_Switch", switchId)?.ports).toEqual(new Set([portId]));
  });
});
