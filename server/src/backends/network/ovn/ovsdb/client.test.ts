import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { openDatabase } from "./client.ts";
import { Connection } from "./connection.ts";
import type { Database, DatabaseOptions, Operation, OvsdbError, RowChange } from "./database.ts";
import { type Json, objectOf, textOf } from "./json.ts";
import { parseRemotes } from "./remote.ts";
import { FakeServer } from "./testing/fake-server.ts";

const open: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.stop();
});

async function aServer(): Promise<FakeServer> {
  const server = await new FakeServer().start();
  open.push(server);
  return server;
}

async function aClient(remote: string, more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const monitor = { Port: { columns: ["name", "tag"] } };
  const database = await openDatabase({ remote, database: "Test", monitor, ...more }, undefined, { random: () => 0 });
  open.push({ stop: () => database.close() });
  return database;
}

const insert: Operation = { op: "insert", table: "Port", uuid: "p1", row: { name: "one", tag: 1 } };
const update: Operation = { op: "update", table: "Port", uuid: "p1", row: { tag: 2 } };
const rowIs = [["_uuid", "==", ["uuid", "p1"]]];
const guard = { op: "wait", table: "Port", where: rowIs, columns: ["_uuid"], until: "!=", rows: [], timeout: 0 };

function reconnected(database: Database): Promise<{ whole: boolean }> {
  return new Promise((resolve) => {
    const stop = database.onReconnect((event) => {
      stop();
      resolve(event);
    });
  });
}

describe("the copy", () => {
  test("is there when the database is open, and follows updates", async () => {
    const server = await aServer();
    server.answers.monitor_cond_since = () => [false, "t1", { Port: { p1: { initial: { name: "one" } } } }];
    const database = await aClient(server.remote);
    expect(database.row("Port", "p1")).toEqual({ name: "one", tag: 0 });
    expect([database.version, database.connected]).toEqual(["1.0.0", true]);
    expect([database.has("Port", "tag"), database.has("Port", "colour")]).toEqual([true, false]);
    const tagged = database.until((db) => db.row("Port", "p1")?.tag || undefined, AbortSignal.timeout(5_000));
    server.tell("update3", ["photon", "t2", { Port: { p1: { modify: { tag: 7 } } } }]);
    expect(await tagged).toBe(7);
  });

  test("takes an update that comes in one piece with the snapshot", async () => {
    const server = await aServer();
    server.answers.monitor_cond_since = () => {
      const { id = null } = server.requests.at(-1) ?? {};
      const answer = { id, error: null, result: [false, "t1", { Port: { p1: { initial: { name: "one" } } } }] };
      const news = { id: null, method: "update3", params: ["photon", "t2", { Port: { p1: { modify: { tag: 7 } } } }] };
      server.say(JSON.stringify(answer) + JSON.stringify(news));
      return "ignore";
    };
    const database = await aClient(server.remote);
    expect(database.row("Port", "p1")).toEqual({ name: "one", tag: 7 });
  });

  test("is brought up to date from the last transaction after a loss", async () => {
    const server = await aServer();
    server.answers.monitor_cond_since = () => [false, "t1", { Port: { p1: { initial: { name: "one" } } } }];
    const database = await aClient(server.remote);
    server.tell("update3", ["photon", "t2", { Port: { p1: { modify: { tag: 7 } } } }]);
    await database.until((db) => db.row("Port", "p1")?.tag || undefined, AbortSignal.timeout(5_000));
    server.answers.monitor_cond_since = () => [true, "t3", { Port: { p2: { insert: { name: "two" } } } }];
    const back = reconnected(database);
    server.drop();
    expect(await back).toEqual({ whole: false });
    expect((await server.heard("monitor_cond_since", 2)).params.at(-1)).toBe("t2");
    expect([...database.rows("Port").keys()]).toEqual(["p1", "p2"]);
  });

  test("is read anew where the server has forgotten, telling only the differences", async () => {
    const server = await aServer();
    const kept = { initial: { name: "one" } };
    server.answers.monitor_cond_since = () => [false, "t1", { Port: { p1: kept, p2: { initial: { name: "two" } } } }];
    const database = await aClient(server.remote);
    server.answers.monitor_cond_since = () => [false, "t9", { Port: { p1: kept } }];
    const changes: RowChange[] = [];
    database.onChange((some) => changes.push(...some));
    const back = reconnected(database);
    server.drop();
    expect(await back).toEqual({ whole: true });
    expect(changes).toEqual([
      { table: "Port", uuid: "p2", before: { name: "two", tag: 0 }, after: undefined, own: false },
    ]);
  });
});

describe("the connection", () => {
  test("answers the server's echo", async () => {
    const server = await aServer();
    await aClient(server.remote);
    server.tell("echo", ["hello"], "echo");
    expect((await server.heard("answer")).id).toBe("echo");
  });

  test.each(["}{", '{"method":', "[1]"])("comes back after the server said %s", async (nonsense) => {
    const server = await aServer();
    const database = await aClient(server.remote);
    const back = reconnected(database);
    server.say(`${nonsense}}}`);
    await back;
    expect(await database.transact([insert])).toEqual([]);
  });

  test("is given up when the server is silent", async () => {
    const server = await aServer();
    server.answers.echo = () => "ignore";
    const socket = connect(server.remote.slice("unix:".length));
    await once(socket, "connect");
    const { promise, resolve } = Promise.withResolvers<Error>();
    new Connection(socket, { onUpdate: () => undefined, onClosed: resolve }, 20);
    expect((await promise).message).toMatch(/said nothing/);
  });

  test("stays when the server answers echoes", async () => {
    const server = await aServer();
    const socket = connect(server.remote.slice("unix:".length));
    await once(socket, "connect");
    const onClosed = jest.fn();
    const connection = new Connection(socket, { onUpdate: () => undefined, onClosed }, 20);
    await server.heard("echo", 4);
    expect(onClosed).not.toHaveBeenCalled();
    connection.close(new Error("done"));
  });

  test("goes to the leader, and follows it", async () => {
    const [first, second] = [await aServer(), await aServer()];
    first.leader = false;
    const database = await aClient(`${first.remote},${second.remote}`);
    expect([first.connections, second.connections]).toEqual([0, 1]);
    const back = reconnected(database);
    first.leader = true;
    second.leader = false;
    second.tell("update2", ["photon-leader", { Database: { d: { modify: { leader: false } } } }]);
    await back;
    expect([first.connections, second.connections]).toEqual([1, 0]);
  });

  test("stays with a follower where any server will do", async () => {
    const server = await aServer();
    server.leader = false;
    expect((await aClient(server.remote, { leaderOnly: false })).connected).toBe(true);
  });

  test("is tried until the signal aborts; the last failure is told", async () => {
    const server = await aServer();
    server.leader = false;
    const limit = new AbortController();
    const opening = openDatabase({ remote: server.remote, database: "Test", monitor: {} }, limit.signal);
    const failed = expect(opening).rejects.toMatchObject({
      reason: "closed",
      cause: expect.objectContaining({ message: expect.stringContaining("not the cluster's leader") }),
    });
    await server.heard("monitor_cond", 3);
    limit.abort();
    await failed;
  });

  test.each(["", "unix:", "tcp:10.0.0.1", "udp:10.0.0.1:1", "tcp:10.0.0.1:70000", "ssl:10.0.0.1:6641"])(
    "is refused to %p",
    async (remote) => {
      await expect(openDatabase({ remote, database: "Test", monitor: {} })).rejects.toMatchObject({
        reason: "refused",
      });
    },
  );

  test("parseRemotes() reads what OVN writes", () => {
    expect(parseRemotes("unix:/run/a.sock, tcp:10.0.0.1:6641,tcp:[fd00::1]:6641")).toEqual([
      { type: "unix", path: "/run/a.sock" },
      { type: "tcp", host: "10.0.0.1", port: 6641 },
      { type: "tcp", host: "fd00::1", port: 6641 },
    ]);
  });
});

describe("transact()", () => {
  test.each<[name: string, results: Json, error: Partial<OvsdbError>]>([
    [
      "an element",
      [{ error: "constraint violation", details: "no" }],
      { reason: "refused", message: "insert Port p1: constraint violation: no" },
    ],
    [
      "the extra element",
      [{}, { error: "referential integrity violation" }],
      { reason: "refused", message: "referential integrity violation" },
    ],
    ["a lost leader", [{ error: "cluster error", details: "lost leadership" }], { reason: "disconnected" }],
    ["too short an answer", [], { reason: "refused" }],
  ])("fails by %s", async (_name, results, error) => {
    const server = await aServer();
    server.answers.transact = () => results;
    const database = await aClient(server.remote);
    await expect(database.transact([insert])).rejects.toMatchObject(error);
  });

  test.each<[name: string, operation: Operation]>([
    ["a column that the server does not have", { ...update, row: { colour: "red" } }],
    ["a value that does not fit", { ...update, row: { tag: "red" } }],
  ])("refuses %s without asking the server", async (_name, operation) => {
    const server = await aServer();
    const database = await aClient(server.remote);
    await expect(database.transact([operation])).rejects.toMatchObject({ reason: "refused" });
    expect(server.requests.filter(({ method }) => method === "transact")).toEqual([]);
  });

  test("sets the columns of a row whose insert was done already, but for those that can't change", async () => {
    const server = await aServer();
    const answers: Json[] = [
      [{ error: "duplicate uuid" }, null],
      [{}, { count: 1 }, { count: 1 }],
    ];
    server.answers.transact = () => answers.shift() ?? [];
    const database = await aClient(server.remote);
    await database.transact([insert, update]);
    expect((await server.heard("transact", 2)).params).toEqual([
      "Test",
      guard,
      { op: "update", table: "Port", where: rowIs, row: { tag: 1 } },
      { op: "update", table: "Port", where: rowIs, row: { tag: 2 } },
    ]);
  });

  test("asks once for each row that it changes whether it is there", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    const at = { table: "Port", uuid: "p1", column: "options" };
    await database.transact([
      { op: "mutate", ...at, remove: new Set(["a"]) },
      { op: "mutate", ...at, insert: new Map([["b", "1"]]) },
      update,
      { ...insert, uuid: "p2" },
      { ...update, uuid: "p2" },
    ]);
    const [, ...operations] = (await server.heard("transact")).params;
    expect(operations.map((each) => textOf(objectOf(each).op))).toEqual([
      "mutate",
      "wait",
      "mutate",
      "update",
      "insert",
      "update",
    ]);
  });

  test("inserts after all where the row vanished in between", async () => {
    const server = await aServer();
    const answers: Json[] = [[{ error: "duplicate uuid" }], [{ error: "timed out" }, null], [{}]];
    server.answers.transact = () => answers.shift() ?? [];
    const database = await aClient(server.remote);
    await database.transact([insert]);
    expect((await server.heard("transact", 3)).params[1]).toMatchObject({ op: "insert", uuid: "p1" });
  });

  test("gives up when a row comes and goes for ever", async () => {
    const server = await aServer();
    let count = 0;
    server.answers.transact = () => [{ error: count++ % 2 === 0 ? "duplicate uuid" : "timed out" }];
    const database = await aClient(server.remote);
    await expect(database.transact([insert])).rejects.toMatchObject({ reason: "refused" });
  });

  test("replaces a map's keys by taking them out first", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    const options = new Map([["a", "1"]]);
    await database.transact([
      { op: "mutate", table: "Port", uuid: "p1", column: "options", insert: options, remove: new Set(["b"]) },
      { op: "mutate", table: "Port", uuid: "p2", column: "options", remove: new Set(["b"]) },
    ]);
    const [, , first, second] = (await server.heard("transact")).params;
    expect([first, second]).toMatchObject([
      {
        mutations: [
          ["options", "delete", ["set", ["b", "a"]]],
          ["options", "insert", ["map", [["a", "1"]]]],
        ],
      },
      { mutations: [["options", "delete", ["set", ["b"]]]] },
    ]);
  });

  test("fails as disconnected where it was sent, and waits where it was not", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    server.answers.transact = () => "ignore";
    const sent = expect(database.transact([insert])).rejects.toMatchObject({ reason: "disconnected" });
    await server.heard("transact");
    delete server.answers.transact;
    server.drop();
    await sent;
    expect(database.connected).toBe(false);
    expect(await database.transact([insert])).toEqual([]);
  });

  test("marks as own what an answer that was lost had brought about", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    const changes: RowChange[] = [];
    database.onChange((some) => changes.push(...some));
    server.answers.transact = () => "drop";
    server.answers.monitor_cond_since = () => [
      true,
      "t2",
      { Port: { p1: { insert: { name: "one" } }, p2: { insert: { name: "two" } } } },
    ];
    const back = reconnected(database);
    await expect(database.transact([insert])).rejects.toMatchObject({ reason: "disconnected" });
    await back;
    expect(changes.map(({ uuid, own }) => [uuid, own])).toEqual([
      ["p1", true],
      ["p2", false],
    ]);
  });

  test("ends at its signal, waiting or sent", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    server.answers.transact = () => "ignore";
    const limit = new AbortController();
    const sent = database.transact([insert], limit.signal);
    await server.heard("transact");
    limit.abort();
    await expect(sent).rejects.toMatchObject({ reason: "closed" });
    await expect(database.transact([insert], limit.signal)).rejects.toMatchObject({ reason: "closed" });
  });

  test("fails as closed once the client is closed", async () => {
    const server = await aServer();
    const database = await aClient(server.remote);
    server.answers.transact = () => "ignore";
    const sent = expect(database.transact([insert])).rejects.toMatchObject({ reason: "closed" });
    const until = expect(database.until(() => undefined, new AbortController().signal)).rejects.toMatchObject({
      reason: "closed",
    });
    await server.heard("transact");
    await database.close();
    await sent;
    await until;
    await expect(database.transact([insert])).rejects.toMatchObject({ reason: "closed" });
  });
});

test("a listener that throws is told to the log and harms nobody", async () => {
  const server = await aServer();
  const log = jest.fn();
  const database = await aClient(server.remote, { log });
  const stop = database.onChange(() => {
    throw new Error("mine");
  });
  const heard: number[] = [];
  database.onChange((changes) => heard.push(changes.length));
  server.tell("update3", ["photon", "t2", { Port: { p1: { insert: { name: "one" } } } }]);
  await database.until((db) => db.row("Port", "p1"), AbortSignal.timeout(5_000));
  stop();
  expect(heard).toEqual([1]);
  expect(log).toHaveBeenCalledWith("a listener of Test failed", expect.objectContaining({ message: "mine" }));
});
