// The driver over a database in memory: what it writes, in how many transactions, and what it makes of others' changes.
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { inOrder, sampleNetwork } from "../contract.ts";
import type { NetworkChange, NetworkObject } from "../driver.ts";
import { keyOf } from "../topology.ts";
import { OvnNetwork } from "./driver.ts";
import { filterGroupUuid, rowUuid } from "./mapping/uuids.ts";
import type { Operation } from "./ovsdb/database.ts";
import { FakeDatabase } from "./testing/fake-database.ts";

const { signal } = new AbortController();

function setUp() {
  const northbound = new FakeDatabase();
  const driver = new OvnNetwork(northbound, new FakeDatabase(), { southbound: "" });
  const told: NetworkChange[] = [];
  driver.onChange((change) => told.push(change));
  const ensureAll = (objects: readonly NetworkObject[]) => Promise.all(objects.map((o) => driver.ensure(o, signal)));
  return { northbound, driver, told, ensureAll };
}

const sample = sampleNetwork("unit");
const objects = inOrder(sample);
const [port] = sample.ports;
const portUuid = rowUuid(port);

/** "update Logical_Switch_Port addresses": what an operation is, without its values. */
const said = (operation: Operation) =>
  [operation.op, operation.table, ...("row" in operation ? Object.keys(operation.row) : [])].join(" ");

test("ensure() of a whole network is one transaction, and again none", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  expect(northbound.sent).toHaveLength(1);
  expect((await driver.inventory()).map(keyOf).sort()).toEqual(objects.map(keyOf).sort());
  await ensureAll(objects);
  expect(northbound.sent).toHaveLength(1);
});

test("ensure() waits for what is called after it in the same turn", async () => {
  const { driver, ensureAll } = setUp();
  await ensureAll(objects.toReversed());
  expect((await driver.audit(objects, signal)).drifted).toEqual([]);
});

test("ensure() fails with what it waits for", async () => {
  const { northbound, driver } = setUp();
  const [aSwitch] = sample.subnets[0];
  const ended = await Promise.allSettled([sample.filter, port, aSwitch].map((object) => driver.ensure(object, signal)));
  expect(ended.map((end) => (end.status === "rejected" ? end.reason.message : end.status))).toEqual([
    "fulfilled",
    "port port-unit-1 needs switch subnet-unit-1, which is not there",
    "switch subnet-unit-1 needs router vpc-unit, which is not there",
  ]);
  const alone = await Promise.allSettled([port, aSwitch].map((object) => driver.ensure(object, signal)));
  expect(alone.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(northbound.sent).toHaveLength(1);
});

test("ensure() writes only the columns that differ, and only the sets that change", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  const web = { ...sample.filter, id: "sg-web" };
  await driver.ensure(web, signal);
  await driver.ensure({ ...sample.ports[1], securityGroupIds: [sample.filter.id, web.id] }, signal);
  northbound.sent.length = 0;
  await driver.ensure({ ...port, ipAddresses: ["10.0.1.11"], securityGroupIds: [web.id] }, signal);
  expect(northbound.sent.flat().map(said)).toEqual([
    "update Logical_Switch_Port addresses port_security external_ids",
    "mutate Port_Group",
    "mutate Port_Group",
  ]);
  expect(northbound.row("Port_Group", filterGroupUuid(web.id, port.vpcId))?.ports).toEqual(
    new Set([portUuid, rowUuid(sample.ports[1])]),
  );
  expect(northbound.row("Port_Group", filterGroupUuid(sample.filter.id, port.vpcId))?.ports).toEqual(
    new Set([rowUuid(sample.ports[1])]),
  );
});

test("ensure() replaces a filter's rules in one transaction", async () => {
  const { northbound, driver, ensureAll } = setUp();
  const rule = (name: string) => ({ name, direction: "ingress", protocol: "icmp", remote: { type: "any" } }) as const;
  await ensureAll(objects);
  await ensureAll([{ ...sample.filter, rules: [rule("old")] }]);
  northbound.sent.length = 0;
  await driver.ensure({ ...sample.filter, rules: [rule("new")] }, signal);
  expect(northbound.sent.map((operations) => operations.map(({ op, table }) => `${op} ${table}`))).toEqual([
    ["insert ACL", "update Port_Group", "mutate Port_Group"],
  ]);
});

test("a filter's rows in a VPC come with its first port there, and go with the VPC", async () => {
  const { northbound, driver, ensureAll } = setUp();
  const { router, subnets, ports } = sampleNetwork("unit2", [], 2);
  const [other, ...first] = [{ ...ports[0], securityGroupIds: [sample.filter.id] }, router, subnets[0][0]];
  await ensureAll([...objects, ...first]);
  const inVpc = () => northbound.row("Port_Group", filterGroupUuid(sample.filter.id, router.id));
  expect(inVpc()).toBeUndefined();
  await driver.ensure(other, signal);
  expect(inVpc()?.ports).toEqual(new Set([rowUuid(other)]));
  expect((await driver.audit([...objects, ...first, other], signal)).drifted).toEqual([]);
  for (const object of [other, subnets[0][0], router]) await driver.remove(object, signal);
  expect(inVpc()).toBeUndefined();
  const { drifted, strays } = await driver.audit(objects, signal);
  expect([...drifted, ...strays]).toEqual([]);
});

test("remove() leaves no row, and what comes together goes together", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  northbound.sent.length = 0;
  await Promise.all(objects.toReversed().map((object) => driver.remove(object, signal)));
  expect(northbound.sent).toHaveLength(1);
  expect(await driver.inventory()).toEqual([]);
  for (const table of ["Logical_Switch_Port", "Port_Group", "ACL", "Logical_Router"])
    expect(northbound.rows(table).size).toBe(0);
});

test("a change that the database refuses fails alone", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  const bad = rowUuid({ ...port, id: "port-3" });
  northbound.refuse = (operations) => (operations.some((o) => "uuid" in o && o.uuid === bad) ? "refused" : undefined);
  const ports = Array.from({ length: 7 }, (_, n) => ({ ...port, id: `port-${n}`, ipAddresses: [`10.0.1.2${n}`] }));
  const ended = await Promise.allSettled(ports.map((object) => driver.ensure(object, signal)));
  expect(ended.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, false, true, true, true]);
  expect(ended[3]).toMatchObject({ reason: { reason: "refused", message: "the network refused port port-3" } });
  expect(northbound.rows("Logical_Switch_Port").has(bad)).toBe(false);
  northbound.refuse = () => undefined;
  await driver.ensure({ ...port, id: "port-3" }, signal);
  expect(northbound.rows("Logical_Switch_Port").has(bad)).toBe(true);
});

test("what was sent when the connection broke is planned anew when it is back, also on an empty database", async () => {
  const { northbound, driver, ensureAll } = setUp();
  const resets: unknown[] = [];
  driver.onReset(() => resets.push(1));
  await ensureAll([sample.router]);
  northbound.refuse = () => {
    northbound.connected = false;
    return "disconnected";
  };
  const router = { ...sample.router, id: "vpc-other" };
  const ensuring = driver.ensure(router, signal);
  await wait(10);
  northbound.refuse = () => undefined;
  northbound.reconnect(true);
  await ensuring;
  expect(await driver.inventory()).toEqual([{ type: "router", id: "vpc-other" }]);
  expect(resets).toHaveLength(1);
});

test("a call that is aborted while the database is away fails as unavailable", async () => {
  const { northbound, driver } = setUp();
  northbound.connected = false;
  const controller = new AbortController();
  const ensuring = driver.ensure(sample.router, controller.signal);
  controller.abort();
  await expect(ensuring).rejects.toMatchObject({ reason: "unavailable" });
  northbound.reconnect();
  await wait(10);
  expect(northbound.sent).toEqual([]);
});

test("two changes of one object happen in the order of the calls", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  const addresses = ["10.0.1.20", "10.0.1.21", "10.0.1.22"];
  await Promise.all(addresses.map((address) => driver.ensure({ ...port, ipAddresses: [address] }, signal)));
  expect(northbound.row("Logical_Switch_Port", portUuid)?.addresses).toEqual(new Set(["fa:16:3e:00:00:01 10.0.1.22"]));
});

test.each<[string, Operation, readonly string[]]>([
  [
    "a changed column",
    { op: "update", table: "Logical_Switch_Port", uuid: portUuid, row: { addresses: new Set(["unknown"]) } },
    [keyOf(port)],
  ],
  [
    "a port taken out of its group",
    {
      op: "mutate",
      table: "Port_Group",
      uuid: filterGroupUuid(sample.filter.id, port.vpcId),
      column: "ports",
      remove: new Set([portUuid]),
    },
    [keyOf(port)],
  ],
  [
    "a switch deleted with its ports",
    { op: "delete", table: "Logical_Switch", uuid: rowUuid(sample.subnets[0][0]) },
    [port, ...sample.subnets[0].filter(({ type }) => type !== "dhcp")].map(keyOf).sort(),
  ],
  [
    "a mark taken off",
    { op: "update", table: "Logical_Router", uuid: rowUuid(sample.router), row: { external_ids: new Map() } },
    [keyOf(sample.router)],
  ],
  ["a port that came up", { op: "update", table: "Logical_Switch_Port", uuid: portUuid, row: { up: false } }, []],
])("%s by hand is told once as drift, found by an audit, and mended by ensure()", async (_name, operation, keys) => {
  const { northbound, driver, told, ensureAll } = setUp();
  await ensureAll(objects);
  northbound.byHand(operation);
  await wait(150);
  const drift = told.filter(({ what }) => what === "drift");
  expect(drift.map(keyOf).sort()).toEqual(keys);
  expect(drift.every(({ owner }) => owner === "acme/alpha")).toBe(true);
  const { drifted } = await driver.audit(objects, signal);
  expect(drifted.map(keyOf)).toEqual(expect.arrayContaining([...keys]));
  await ensureAll(objects);
  expect((await driver.audit(objects, signal)).drifted).toEqual([]);
});

test("a port that comes up is told as its status", async () => {
  const { northbound, driver, told, ensureAll } = setUp();
  await ensureAll(objects);
  northbound.byHand({ op: "update", table: "Logical_Switch_Port", uuid: portUuid, row: { up: true } });
  expect(told).toEqual([{ type: "port", id: port.id, owner: "acme/alpha", what: "status" }]);
  expect(await driver.portStatus(port.id)).toEqual({ up: true });
});

test("audit() says what differs, what should not be there, and what others keep there", async () => {
  const { northbound, driver, ensureAll } = setUp();
  await ensureAll(objects);
  northbound.byHand(
    { op: "update", table: "Logical_Switch_Port", uuid: portUuid, row: { addresses: new Set(["unknown"]) } },
    { op: "insert", table: "Logical_Switch", uuid: "f", row: { name: "theirs", external_ids: new Map() } },
  );
  const { drifted, strays, foreign } = await driver.audit(objects.slice(0, -1), signal);
  expect(drifted).toEqual([{ type: "port", id: port.id, detail: `Logical_Switch_Port ${port.id}: addresses differ` }]);
  expect(strays).toEqual([{ type: "port", id: sample.ports[1].id }]);
  expect(foreign).toEqual([{ type: "Logical_Switch", id: "theirs", detail: "carries no mark of ours" }]);
});
