import { beforeEach, expect, test } from "@jest/globals";
import { HeldClock } from "../iam/testing/world.ts";
import { Tally } from "./tally.ts";

interface Event {
  readonly name: string;
  readonly times?: number;
}

let clock: HeldClock;
let written: Event[];
let tally: Tally<Event>;
beforeEach(() => {
  clock = new HeldClock();
  written = [];
  const write = async (event: Event) => void written.push(event);
  tally = new Tally({ clock, write, failed: () => undefined });
});

async function flood(sort: string, times: number): Promise<void> {
  for (let nth = 1; nth <= times; nth += 1) await tally.note(sort, { name: `${sort} ${nth}` });
}

test("the first of a sort is written at once, the rest of a minute together, and then it begins anew", async () => {
  await flood("a", 1_000);
  await flood("b", 1);
  expect(written).toEqual([{ name: "a 1" }, { name: "b 1" }]);
  clock.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written.slice(2)).toEqual([{ name: "a 1000", times: 999 }]);
  await flood("a", 1);
  expect(written.slice(3)).toEqual([{ name: "a 1" }]);
});

test("many sorts together write no more than a few hundred events a minute, and none is lost", async () => {
  for (let sort = 0; sort < 10_000; sort += 1) await flood(`sort-${sort}`, 1);
  await tally.stop();
  expect(written.length).toBeLessThanOrEqual(202);
  expect(written.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(10_000);
});

test("what can't be written is told, and stops nobody", async () => {
  const failures: unknown[] = [];
  const write = () => Promise.reject(new Error("the store is gone"));
  const failing = new Tally<Event>({ clock, write, failed: (error) => failures.push(error) });
  await failing.note("a", { name: "a" });
  await failing.stop();
  expect(failures).toHaveLength(1);
});
