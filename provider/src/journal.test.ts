import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Entry, Journal } from "./journal.ts";

let folder: string;
let lostKeys: string[];
const digest = "d";

/** Begins two creations that are the same, and dies: its files name a process that no machine has. */
async function dieAfterTwo(then = async (_journal: Journal, _entries: readonly Entry[]) => {}): Promise<string[]> {
  const journal = new Journal(folder);
  const entries = [await journal.begin(digest), await journal.begin(digest)];
  await then(journal, entries);
  await journal.crash();
  const own = readdirSync(folder).find((name) => name.startsWith(`${process.pid}-`)) ?? "";
  renameSync(join(folder, own), join(folder, own.replace(/^\d+-\d+/, "4999999-4999999")));
  return entries.map(({ key }) => key);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "photon-journal-"));
  lostKeys = await dieAfterTwo();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("Journal takes up each of two creations that are the same, once", async () => {
  const next = new Journal(folder);
  expect(await next.hasLeft()).toBe(true);
  const taken = [await next.begin(digest), await next.begin(digest), await next.begin(digest)];
  expect(taken.map(({ resumed }) => resumed)).toEqual([true, true, false]);
  expect(taken.slice(0, 2).map(({ key }) => key)).toEqual(lostKeys);
  for (const entry of taken) await next.answered(entry);
  next.close();
  expect(readdirSync(folder)).toEqual([]);
});

test("Journal takes up nothing that the state holds", async () => {
  const [held = "", lost = ""] = lostKeys;
  const next = new Journal(folder);
  await next.holds(held);
  expect((await next.begin(digest)).key).toBe(lost);
  expect((await next.begin(digest)).resumed).toBe(false);
  next.close();
});

test("Journal takes up nothing that the state holds, though a process beside it writes down what both have read", async () => {
  const [one, two] = [new Journal(folder), new Journal(folder)];
  await two.answered(await two.begin("another"));
  for (const key of lostKeys) await one.holds(key);
  one.close();
  two.close();
  const next = new Journal(folder);
  expect(await next.hasLeft()).toBe(false);
  expect((await next.begin(digest)).resumed).toBe(false);
  next.close();
});

test("Journal takes up nothing that made nothing", async () => {
  await dieAfterTwo(async (journal, entries) => {
    for (const entry of entries) await journal.refused(entry);
  });
  const next = new Journal(folder);
  expect([await next.hasLeft(), (await next.begin(digest)).resumed]).toEqual([false, false]);
  next.close();
});

test("Journal of a run that sees a part of the state spares what may be in it for one that sees all", async () => {
  const spares = true;
  const [sure, doubtful] = await dieAfterTwo(async (journal, [, second]) => {
    if (second !== undefined) await journal.answered(second);
  });
  const next = new Journal(folder);
  expect([await next.isDoubtful(digest), await next.isDoubtful("another")]).toEqual([true, false]);
  expect(await next.begin(digest, { spares })).toMatchObject({ key: sure, resumed: true });
  const anew = await next.begin(digest, { spares });
  expect(anew).toMatchObject({ resumed: false, spares });
  for (const key of [sure, anew.key]) await next.holds(key ?? "");
  next.close();
  const whole = new Journal(folder);
  for (const key of [sure, anew.key]) await whole.holds(key ?? "");
  expect(await whole.begin(digest)).toMatchObject({ key: doubtful, resumed: true });
  whole.close();
});
