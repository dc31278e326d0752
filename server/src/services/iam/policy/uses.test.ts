// That uses are noted once a day, are written in passing, survive another server's writing, and are kept where a write fails.
import { expect, test } from "@jest/globals";
import { openSqliteStore } from "../../../store/index.ts";
import type { Records } from "../../../store/store.ts";
import { HeldClock } from "../testing/world.ts";
import { dayOf, Uses } from "./uses.ts";

const day = 86_400_000;
const by = (roleBindingId: string) => ({ roleBindingId });

async function opened() {
  const clock = new HeldClock();
  const store = await openSqliteStore({ file: ":memory:", clock });
  let puts = 0;
  let broken = false;
  const records: Records = {
    get: (...given) => store.records.get(...given),
    list: (...given) => store.records.list(...given),
    delete: (...given) => store.records.delete(...given),
    put(...given) {
      puts += 1;
      return broken ? Promise.reject(new Error("the disk is gone")) : store.records.put(...given);
    },
  };
  const breaks = (is: boolean) => {
    broken = is;
  };
  return { clock, records, breaks, puts: () => puts, close: () => store.close() };
}

test("a use is written once a day, however often it is noted", async () => {
  const { clock, records, puts, close } = await opened();
  const uses = new Uses(records, clock);
  for (let times = 0; times < 1_000; times += 1) uses.note("user:acme/bob", "compute:vms:get", by("b"));
  await uses.flush();
  uses.note("user:acme/bob", "compute:vms:get", by("b"));
  await uses.flush();
  expect(puts()).toBe(1);
  clock.advance(day);
  uses.note("user:acme/bob", "compute:vms:get", by("b"));
  expect(await uses.through("b")).toEqual([
    { principal: "user:acme/bob", permissions: new Map([["compute:vms:get", dayOf(clock.now())]]) },
  ]);
  expect(puts()).toBe(2);
  await close();
});

test("two servers add to what the other wrote", async () => {
  const { clock, records, close } = await opened();
  const [one, two] = [new Uses(records, clock), new Uses(records, clock)];
  one.note("user:acme/bob", "compute:vms:get", by("b"));
  two.note("user:acme/bob", "compute:vms:list", by("b"));
  await Promise.all([one.flush(), two.flush()]);
  const [use] = await one.through("b");
  expect([...(use?.permissions.keys() ?? [])].sort()).toEqual(["compute:vms:get", "compute:vms:list"]);
  await close();
});

test("what could not be written is written later", async () => {
  const { clock, records, breaks, close } = await opened();
  const uses = new Uses(records, clock);
  uses.note("user:acme/bob", "compute:vms:get", by("b"));
  breaks(true);
  await expect(uses.flush()).rejects.toThrow("the disk is gone");
  breaks(false);
  expect(await uses.through("b")).toHaveLength(1);
  await close();
});
