import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Journal } from "./journal.ts";

let folder: string;
let lostKeys: string[];
const digest = "d";

/** Begins two creations that are the same, and dies: its files name a process that no machine has. */
async function dieAfterTwo(): Promise<string[]> {
  const journal = new Journal(folder);
  const entries = [await journal.begin(digest), await journal.begin(digest)];
  await journal.crash();
  const [own = ""] = readdirSync(folder);
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
  for (const entry of taken) next.answered(entry);
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
  two.answered(await two.begin("another"));
  for (const key of lostKeys) await one.holds(key);
  one.close();
  two.close();
  const next = new Journal(folder);
  expect(await next.hasLeft()).toBe(false);
  expect((await next.begin(digest)).resumed).toBe(false);
  next.close();
});
