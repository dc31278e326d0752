// Whom a receipt waits for, over a Southbound in memory.
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import type { Clock } from "../../../clock.ts";
import { Hosts } from "./hosts.ts";
import type { Operation } from "./ovsdb/database.ts";
import { FakeDatabase } from "./testing/fake-database.ts";

const silenceMs = 10_000;
const marks = new Map([["photon:vpc", "vpc-1"]]);

const host = (name: string, progress: number): Operation[] => [
  { op: "insert", table: "Chassis", uuid: `uuid-${name}`, row: { name } },
  { op: "insert", table: "Chassis_Private", uuid: `private-${name}`, row: { name, nb_cfg: progress } },
];
const port = (name: string, chassis?: string): Operation => ({
  op: "insert",
  table: "Port_Binding",
  uuid: `port-${name}`,
  row: { external_ids: marks, chassis: chassis === undefined ? undefined : `uuid-${chassis}` },
});
const says = (name: string, progress: number): Operation => ({
  op: "update",
  table: "Chassis_Private",
  uuid: `private-${name}`,
  row: { nb_cfg: progress },
});

/** Three hosts at number 1; h1 and h2 have ports of vpc-1. */
function setUp() {
  const database = new FakeDatabase();
  database.byHand(...["h1", "h2", "h3"].flatMap((name) => host(name, 1)));
  database.byHand(port("a", "h1"), port("b", "h2"), port("c"));
  let now = 0;
  const clock: Clock = { now: () => now, sleep: () => turn() };
  const hosts = new Hosts(database, clock, silenceMs);
  const controller = new AbortController();
  const ask = (number: number, vpcId = "vpc-1") => {
    let answer: boolean | undefined;
    hosts
      .reached(vpcId, number, () => false, controller.signal)
      .then(
        (reached) => {
          answer = reached;
        },
        () => undefined,
      );
    return async () => {
      for (let turns = 0; turns < 5; turns++) await turn();
      return answer;
    };
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { database, hosts, ask, pass, [Symbol.dispose]: () => controller.abort() };
}

test("reached() waits for the hosts with ports of the VPC, and for no others", async () => {
  using given = setUp();
  const answer = given.ask(2);
  given.database.byHand(says("h1", 2));
  expect(await answer()).toBeUndefined();
  given.database.byHand(says("h2", 3));
  expect(await answer()).toBe(true);
  expect(await given.ask(99, "vpc-without-ports")()).toBe(true);
});

test("reached() no longer waits for a host that has lost its last port, or is gone", async () => {
  using given = setUp();
  const answer = given.ask(2);
  given.database.byHand(says("h1", 2), {
    op: "update",
    table: "Port_Binding",
    uuid: "port-b",
    row: { chassis: undefined },
  });
  expect(await answer()).toBe(true);
  expect(given.hosts.of("vpc-1")).toEqual(["h1"]);
});

test("a host that is silent while others move on is waited for once, until it speaks again", async () => {
  using given = setUp();
  const first = given.ask(2);
  given.database.byHand(says("h1", 2), says("h3", 2));
  given.pass(silenceMs - 1);
  expect(await first()).toBeUndefined();
  given.pass(1);
  expect(await first()).toBe(true);
  const second = given.ask(3);
  given.database.byHand(says("h1", 3));
  expect(await second()).toBe(true);
  given.database.byHand(says("h2", 3));
  const third = given.ask(4);
  given.database.byHand(says("h1", 4));
  expect(await third()).toBeUndefined();
  given.database.byHand(says("h2", 4));
  expect(await third()).toBe(true);
});

test("a host that goes on step by step is not dead", async () => {
  using given = setUp();
  const answer = given.ask(5);
  given.database.byHand(says("h1", 5));
  for (const number of [2, 3, 4]) {
    given.pass(silenceMs - 1);
    given.database.byHand(says("h2", number));
    expect(await answer()).toBeUndefined();
  }
});

test("nobody is dead while all are silent: then the whole OVN is slow", async () => {
  using given = setUp();
  const answer = given.ask(2);
  given.pass(silenceMs * 2);
  expect(await answer()).toBeUndefined();
});
