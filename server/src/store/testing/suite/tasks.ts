import { describe, expect, test } from "@jest/globals";
import type { Store, Task } from "../../store.ts";
import {
  alpha,
  create,
  eventOf,
  foreign,
  keyOf,
  type Open,
  plain,
  refusal,
  tail,
  text,
  write,
  writeOf,
} from "../fixtures.ts";

const lease = (store: Store, owner = "worker", limit = 100, leaseMs = 1000) => store.lease({ owner, limit, leaseMs });
const ids = (tasks: readonly Task[]) => tasks.map(({ key }) => key.id).sort();

/** Makes a resource with a task, and takes its lease. */
async function leased(store: Store, id = "a"): Promise<Task> {
  await write(store, (tx) => [tx.create(writeOf(keyOf(id))), tx.schedule(keyOf(id))]);
  const [task] = await lease(store);
  if (task === undefined) throw new Error("nothing was due");
  return task;
}

const done = { outcome: "done" } as const;

export function tasks(open: Open): void {
  describe("tasks", () => {
    test("are leased when due, those first that are due longest", async () => {
      const { store, clock } = await open();
      const start = clock.now();
      for (const [id, at] of [
        ["late", 50],
        ["soon", 10],
        ["now", 0],
      ] as const) {
        await write(store, (tx) => [tx.create(writeOf(keyOf(id))), tx.schedule(keyOf(id), start + at)]);
      }
      expect(await store.nextDue()).toBe(start);
      expect(await lease(store)).toMatchObject([{ key: keyOf("now"), attempt: 0, step: "", since: start }]);
      expect(await store.nextDue()).toBe(start + 10);
      clock.advance(60);
      expect(ids(await lease(store, "worker", 1))).toEqual(["soon"]);
      expect(ids(await lease(store, "worker", 1))).toEqual(["late"]);
      expect(await store.nextDue()).toBeUndefined();
    });

    test("are never held by two, whoever asks", async () => {
      const { store, other } = await open();
      const made = Array.from({ length: 40 }, (_, index) => `t-${index}`);
      await write(store, (tx) => {
        for (const id of made) tx.create(writeOf(keyOf(id)));
        for (const id of made) tx.schedule(keyOf(id));
      });
      const taking = Array.from({ length: 16 }, (_, index) => lease(index % 2 === 0 ? store : other, `w${index}`, 5));
      expect(ids((await Promise.all(taking)).flat())).toEqual([...made].sort());
    });

    test("are leased by kind where kinds are named", async () => {
      const { store } = await open();
      const other = keyOf("b", alpha, "test.v1.Other");
      await write(store, (tx) => [tx.create(writeOf(keyOf("a"))), tx.create(writeOf(other))]);
      await write(store, (tx) => [tx.schedule(keyOf("a")), tx.schedule(other)]);
      expect(ids(await store.lease({ owner: "w", limit: 9, leaseMs: 1, kinds: ["test.v1.Other", "x"] }))).toEqual([
        "b",
      ]);
      expect(await store.lease({ owner: "w", limit: 9, leaseMs: 1, kinds: [] })).toEqual([]);
    });

    test("of many that end at once each ends by itself: a lost lease and a change meanwhile cost the others nothing", async () => {
      const { store, other, clock } = await open();
      const names = Array.from({ length: 60 }, (_, index) => `t-${index}`);
      await Promise.all(
        names.map((id) => write(store, (tx) => [tx.create(writeOf(keyOf(id))), tx.schedule(keyOf(id))])),
      );
      const held = await lease(store, "slow", 20);
      clock.advance(2000);
      const [taken] = await lease(other, "quick", 1, 10_000);
      const rest = await lease(store, "slow");
      const all = [...new Map([...held, ...rest].map((task) => [task.key.id, task])).values()];
      const lost = all.filter(({ key, lease: mine }) => key.id === taken?.key.id && mine !== taken.lease);
      const changing = other.transact(async (tx) => {
        await tx.get(keyOf("t-59"));
        tx.update(writeOf(keyOf("t-59"), { data: "changed" }));
      });
      const end = (task: Task) =>
        store.transact(async (tx) => {
          await tx.get(task.key);
          tx.observe(task.key, text("seen"));
          tx.append(eventOf(task.key, "observed"));
          tx.settle(task, done);
        });
      const ends = await Promise.allSettled(all.map(end));
      await changing;
      expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(lost.length);
      const { events } = await tail(store, "", { limit: 100 });
      const told = events.filter(({ type }) => type === "observed").map(({ id }) => id);
      expect(told.sort()).toEqual(names.filter((id) => id !== taken?.key.id).sort());
      const rows = await Promise.all(names.map((id) => store.get(keyOf(id))));
      expect(rows.filter((row) => row !== undefined && plain(row.observed) === "seen")).toHaveLength(59);
      expect(plain(rows[59]?.data ?? new Uint8Array())).toBe("changed");
    });

    test("settle() ends a task, or puts it off with what it knows", async () => {
      const { store, clock } = await open();
      const task = await leased(store);
      const at = clock.now() + 500;
      await write(store, (tx) => tx.settle(task, { outcome: "later", at, attempt: 3, step: "dhcp" }));
      expect(await lease(store)).toEqual([]);
      expect(await store.nextDue()).toBe(at);
      clock.advance(500);
      const [again] = await lease(store);
      expect(again).toMatchObject({ attempt: 3, step: "dhcp", since: task.since });
      await write(store, (tx) => again && tx.settle(again, done));
      expect(await store.nextDue()).toBeUndefined();
    });

    test("what is scheduled during a lease is not lost, however it is settled", async () => {
      const { store, clock } = await open();
      const first = await leased(store);
      await write(store, (tx) => tx.schedule(keyOf("a")));
      expect(await lease(store)).toEqual([]);
      await write(store, (tx) => tx.settle(first, done));
      const [second] = await lease(store);
      expect(second).toMatchObject({ attempt: 0, step: "" });
      await write(store, (tx) => tx.schedule(keyOf("a")));
      const later = { outcome: "later", at: clock.now() + 60_000, attempt: 1, step: "s" } as const;
      await write(store, (tx) => second && tx.settle(second, later));
      expect(await lease(store)).toMatchObject([{ attempt: 1, step: "s" }]);
    });

    test("schedule() brings a task forward and never puts it off", async () => {
      const { store, clock } = await open();
      await create(store, keyOf("a"));
      const now = clock.now();
      for (const at of [now + 100, now + 50, now + 200]) await write(store, (tx) => tx.schedule(keyOf("a"), at));
      expect(await store.nextDue()).toBe(now + 50);
    });

    test("schedule() of what does not exist does nothing", async () => {
      const { store } = await open();
      await create(store, keyOf("a", foreign));
      await write(store, (tx) => tx.schedule(keyOf("a")));
      expect(await store.nextDue()).toBeUndefined();
    });

    leases(open);
  });
}

function leases(open: Open): void {
  test("a lease that ran out is another's, and the old holder can neither settle nor renew", async () => {
    const { store, other, clock } = await open();
    const lost = await leased(store);
    clock.advance(1000);
    const [taken] = await lease(other, "other");
    expect(taken?.key).toEqual(lost.key);
    expect(await store.renew([lost], 1000)).toEqual([]);
    expect(await refusal(write(store, (tx) => tx.settle(lost, done)))).toEqual({ reason: "lease_lost", task: lost });
    const changing = write(store, (tx) => [tx.observe(lost.key, new Uint8Array([1])), tx.settle(lost, done)]);
    await expect(changing).rejects.toThrow("lease_lost");
    expect((await store.get(lost.key))?.observed).toHaveLength(0);
    await write(other, (tx) => taken && tx.settle(taken, done));
  });

  test("renew() prolongs, and answers what is still held", async () => {
    const { store, clock } = await open();
    const task = await leased(store);
    clock.advance(900);
    expect(await store.renew([task], 1000)).toEqual([task]);
    clock.advance(900);
    expect(await lease(store)).toEqual([]);
    clock.advance(100);
    expect(ids(await lease(store, "other"))).toEqual(["a"]);
    expect(await store.renew([], 1000)).toEqual([]);
  });

  test("remove() takes the task with it, also together with settle()", async () => {
    const { store, clock } = await open();
    const task = await leased(store);
    await write(store, (tx) => [tx.remove(task.key), tx.settle(task, done)]);
    clock.advance(5000);
    expect(await lease(store)).toEqual([]);
    expect(await refusal(write(store, (tx) => tx.settle(task, done)))).toMatchObject({ reason: "lease_lost" });
  });

  test("settle() and schedule() in one transaction leave the task for then", async () => {
    const { store, clock } = await open();
    const task = await leased(store);
    await write(store, (tx) => [tx.schedule(task.key, clock.now() + 70), tx.settle(task, done)]);
    expect(await store.nextDue()).toBe(clock.now() + 70);
  });

  test("scheduleAll() spreads a kind over the time, and wakes none later than it was", async () => {
    const { store, clock } = await open();
    for (const id of ["a", "b", "c", "d"]) await create(store, keyOf(id));
    await create(store, keyOf("e", alpha, "test.v1.Other"));
    const now = clock.now();
    await write(store, (tx) => tx.schedule(keyOf("d"), now + 1));
    expect(await store.scheduleAll("test.v1.Thing", 1000)).toBe(4);
    expect(ids(await lease(store))).toEqual(["a"]);
    clock.advance(500);
    expect(ids(await lease(store))).toEqual(["b", "c", "d"]);
    expect(await store.scheduleAll("test.v1.None", 1000)).toBe(0);
  });

  test("scheduleAll() spreads any number over any time", async () => {
    const { store, clock } = await open();
    for (const id of ["a", "b", "c"]) await create(store, keyOf(id));
    expect(await store.scheduleAll("test.v1.Thing", 1000)).toBe(3);
    expect(ids(await lease(store))).toEqual(["a"]);
    clock.advance(334);
    expect(ids(await lease(store))).toEqual(["b"]);
    clock.advance(333);
    expect(ids(await lease(store))).toEqual(["c"]);
  });
}
