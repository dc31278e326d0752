// The groups of gateway hosts, over databases in memory.
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { inOrder, sampleNetwork, sampleOutside } from "../contract.ts";
import type { NetworkObjectId } from "../driver.ts";
import { OvnNetwork } from "./driver.ts";
import { mainMarksOf } from "./mapping/external-ids.ts";
import { gatewayGroupUuid } from "./mapping/uuids.ts";
import type { Operation } from "./ovsdb/database.ts";
import { FakeDatabase } from "./testing/fake-database.ts";

const { signal } = new AbortController();
const sample = sampleNetwork("gw");
const [outside, gateway] = sampleOutside("gw");
const wire = `${outside.physicalNetwork}:br-ex`;

function chassis(name: string, mappings: string, options = ""): Operation {
  const config = new Map([
    ["ovn-bridge-mappings", mappings],
    ["ovn-cms-options", options],
  ]);
  return { op: "insert", table: "Chassis", uuid: `uuid-${name}`, row: { name, other_config: config } };
}

const holds = (name: string): Operation => ({
  op: "insert",
  table: "Port_Binding",
  uuid: `cr-${name}`,
  row: { type: "chassisredirect", chassis: `uuid-${name}`, external_ids: mainMarksOf(gateway) },
});

async function setUp(...hosts: readonly Operation[]) {
  const [northbound, southbound] = [new FakeDatabase(), new FakeDatabase()];
  northbound.byHand({
    op: "insert",
    table: "NB_Global",
    uuid: "global",
    row: { options: new Map([["bfd-mult", "5"]]) },
  });
  southbound.byHand(...hosts);
  const driver = new OvnNetwork(northbound, southbound, { southbound: "" });
  for (const object of [...inOrder(sample), outside, gateway]) await driver.ensure(object, signal);
  await wait(20);
  /** The hosts of the group, the first to be gateway first. */
  const order = () => {
    const group = northbound.row("HA_Chassis_Group", gatewayGroupUuid(outside.id))?.ha_chassis;
    const rows = [...northbound.rows("HA_Chassis")].filter(([uuid]) => group instanceof Set && group.has(uuid));
    return rows
      .map(([, row]) => row)
      .sort((a, b) => Number(b.priority) - Number(a.priority))
      .map(({ chassis_name: name }) => name);
  };
  return { northbound, southbound, driver, order };
}

test("a group has the hosts with the wire, and follows them", async () => {
  const { southbound, order } = await setUp(
    chassis("h1", wire),
    chassis("h2", `other:br-o,${wire}`),
    chassis("h3", "other:br-o"),
  );
  expect(order()).toEqual(["h1", "h2"]);
  southbound.byHand(chassis("h0", wire), { op: "delete", table: "Chassis", uuid: "uuid-h1" });
  await wait(20);
  expect(order()).toEqual(["h2", "h0"]);
});

test("only the hosts that an operator names are gateways, where there are such", async () => {
  const { order } = await setUp(chassis("h1", wire), chassis("h2", wire, "enable-chassis-as-gw"));
  expect(order()).toEqual(["h2"]);
});

test("the host that holds the gateway comes first, and stays so when another returns", async () => {
  const { southbound, order } = await setUp(chassis("h1", wire), chassis("h2", wire), chassis("h3", wire));
  southbound.byHand(holds("h3"));
  await wait(20);
  expect(order()).toEqual(["h3", "h1", "h2"]);
  southbound.byHand({ op: "delete", table: "Chassis", uuid: "uuid-h1" });
  await wait(20);
  southbound.byHand(chassis("h1", wire));
  await wait(20);
  expect(order()).toEqual(["h3", "h2", "h1"]);
});

test("a host that was set back is not put first again at once, whatever it claims", async () => {
  const { southbound, driver, order } = await setUp(chassis("h1", wire), chassis("h2", wire));
  southbound.byHand(holds("h1"));
  await wait(20);
  const claims = (name: string): Operation => ({
    op: "update",
    table: "Port_Binding",
    uuid: "cr-h1",
    row: { chassis: `uuid-${name}` },
  });
  for (const name of ["h2", "h1", "h2", "h1"]) {
    southbound.byHand(claims(name));
    await wait(20);
    expect(order()).toEqual(["h2", "h1"]);
  }
  await driver.close();
});

test("a group keeps its hosts when none is known, and goes with its network", async () => {
  const { northbound, southbound, driver, order } = await setUp(chassis("h1", wire));
  southbound.byHand({ op: "delete", table: "Chassis", uuid: "uuid-h1" });
  await wait(20);
  expect(order()).toEqual(["h1"]);
  const ids: readonly NetworkObjectId[] = [gateway, outside];
  for (const id of ids) await driver.remove(id, signal);
  await wait(20);
  expect(northbound.rows("HA_Chassis_Group").size + northbound.rows("HA_Chassis").size).toBe(0);
});

test("hosts watch each other closely, unless an operator has said how", async () => {
  const { northbound } = await setUp();
  expect(northbound.row("NB_Global", "global")?.options).toEqual(
    new Map([
      ["bfd-mult", "5"],
      ["bfd-min-rx", "300"],
      ["bfd-min-tx", "300"],
    ]),
  );
});
