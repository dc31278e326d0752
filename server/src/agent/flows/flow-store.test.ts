import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { FlowRecord } from "../../backends/network/flow-source.ts";
import { FlowStore } from "./flow-store.ts";

let dir: string;
let store: FlowStore;
beforeEach(async () => {
  dir = await mkdtemp("/tmp/ps");
  store = new FlowStore({ dir, segmentBytes: 1_000, segments: 3 });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function record(packets: number): FlowRecord {
  return {
    startMs: 1,
    endMs: 2,
    verdict: "allowed",
    direction: "ingress",
    portId: "port-1",
    sourceAddress: "10.0.1.2",
    destinationAddress: "10.0.1.3",
    protocol: "tcp",
    sourcePort: 1,
    destinationPort: 80,
    filterId: "sg-1",
    rule: "web",
    packets,
  };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => from + at);

/** Everything from a cursor on, in pages. */
async function all(cursor = "", limit = 2): Promise<{ readonly packets: readonly number[]; readonly cursor: string }> {
  const packets: number[] = [];
  for (let at = cursor; ; ) {
    const page = await store.read("flowlog-1", at, limit);
    if (page === undefined) throw new Error(`${at} is no cursor`);
    packets.push(...page.records.map((one) => one.packets));
    if (page.records.length === 0) return { packets, cursor: page.cursor };
    at = page.cursor;
  }
}

test("FlowStore answers in the order of writing, page by page, and goes on from a cursor", async () => {
  await store.append("flowlog-1", numbers(3).map(record));
  const first = await all();
  expect(first.packets).toEqual([0, 1, 2]);
  await store.append("flowlog-1", [record(3)]);
  expect((await all(first.cursor)).packets).toEqual([3]);
  expect((await all("", 1_000)).packets).toEqual([0, 1, 2, 3]);
});

test("FlowStore keeps the newest segments alone, and goes on with what is kept", async () => {
  const { cursor } = await all();
  for (const n of numbers(60)) await store.append("flowlog-1", [record(n)]);
  expect(await readdir(join(dir, "flowlog-1"))).toHaveLength(3);
  const { packets } = await all(cursor);
  expect(packets.at(-1)).toBe(59);
  expect(packets).toEqual(numbers(packets.length, 60 - packets.length));
  expect((await all("0-0")).packets).toEqual(packets);
});

test("FlowStore writes what comes together one after the other", async () => {
  await Promise.all(numbers(8).map((n) => store.append("flowlog-1", [record(n)])));
  expect((await all("", 3)).packets).toEqual(numbers(8));
});

test.each(["x", "0-7", "0-99999", "1", "-1-0", "../flowlog-2"])("FlowStore takes %p for no cursor", async (cursor) => {
  await store.append("flowlog-1", [record(1)]);
  expect(await store.read("flowlog-1", cursor, 10)).toBeUndefined();
});

test("FlowStore holds nothing of one log in another's, and forgets one alone", async () => {
  await store.append("flowlog-1", [record(1)]);
  await store.append("flowlog-2", [record(2)]);
  expect(await store.read("flowlog-3", "", 10)).toEqual({ records: [], cursor: "" });
  expect((await store.logs()).toSorted()).toEqual(["flowlog-1", "flowlog-2"]);
  await store.forget("flowlog-1");
  expect((await store.read("flowlog-1", "", 10))?.records).toEqual([]);
  expect((await store.read("flowlog-2", "", 10))?.records).toHaveLength(1);
  await expect(store.append("../elsewhere", [record(1)])).rejects.toThrow("no id");
});
