import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../clock.ts";
import { LogTail } from "./log-tail.ts";

let dir: string;
let file: string;
let stop: AbortController;
let seen: string[];
let tail: LogTail;
let reading: Promise<void>;
beforeEach(async () => {
  dir = await mkdtemp("/tmp/pt");
  file = join(dir, "controller.log");
  seen = [];
});
afterEach(async () => {
  await end();
  await rm(dir, { recursive: true, force: true });
});

const clock = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(2, signal) };

function begin(): void {
  stop = new AbortController();
  tail = new LogTail({ file, positionFile: join(dir, "position"), clock });
  reading = (async () => {
    for await (const lines of tail.follow(stop.signal)) {
      seen.push(...lines);
      await tail.keep();
    }
  })();
}

async function end(): Promise<void> {
  stop.abort();
  await reading;
}

async function until(expected: readonly string[]): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (seen.length < expected.length && Date.now() < deadline) await systemClock.sleep(2);
  expect(seen).toEqual(expected);
}

async function untilAt(offset: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (tail.position?.offset !== offset && Date.now() < deadline) await systemClock.sleep(2);
  expect(tail.position?.offset).toBe(offset);
}

test("LogTail begins at the end, and waits for the end of a line", async () => {
  await writeFile(file, "old\n");
  begin();
  await untilAt(4);
  await appendFile(file, "one\ntw");
  await until(["one"]);
  await appendFile(file, "o\n");
  await until(["one", "two"]);
});

test("LogTail goes on in the file that takes the log's name, after the rest of the old one", async () => {
  await writeFile(file, "");
  begin();
  await untilAt(0);
  await appendFile(file, "one\n");
  await rename(file, `${file}.1`);
  await writeFile(file, "two\n");
  await until(["one", "two"]);
  await truncate(file, 0);
  // A file that was cut and has grown past the old end meanwhile can't be told from one that only grew.
  await untilAt(0);
  await appendFile(file, "three\n");
  await until(["one", "two", "three"]);
});

test("LogTail waits for a file that is not there yet", async () => {
  begin();
  await systemClock.sleep(10);
  await writeFile(file, "");
  await untilAt(0);
  await appendFile(file, "one\n");
  await until(["one"]);
});

test("LogTail that comes back goes on where it was, neither missing a line nor reading one twice", async () => {
  await writeFile(file, "");
  begin();
  await untilAt(0);
  await appendFile(file, "one\nhal");
  await until(["one"]);
  await end();
  await appendFile(file, "f\nthree\n");
  begin();
  await until(["one", "half", "three"]);
});
