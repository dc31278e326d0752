// Programs that are started from beside us: on real processes.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { bareEnv } from "./command.ts";
import { Starter } from "./starter.ts";

const root = mkdtempSync(join(tmpdir(), "pst-"));
const started: number[] = [];
const starter = new Starter(bareEnv());
let logs = 0;
const newLog = () => join(root, `log-${++logs}`);

afterEach(() => {
  for (const pid of started.splice(0))
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
});
afterAll(() => {
  starter.close();
  rmSync(root, { recursive: true, force: true });
});

async function start(...args: Parameters<Starter["start"]>): Promise<number> {
  const pid = await starter.start(...args);
  started.push(pid);
  return pid;
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !holds(); await wait(5)) if (Date.now() > end) throw new Error("it is not so");
}

/** Nothing for a file that is not there, as a process's are that ends while they are read. */
function written(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(written(`/proc/${pid}/status`))?.[1];
const wordsOf = (pid: number) => written(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);

test("start() passes words on as they are", async () => {
  const words = ["a b", "", "$HOME `id` \\", "it's", "two\nlines", '"', "*", "ü;&|<>"];
  const log = newLog();
  await start({ words: ["printf", "[%s]", ...words], log });
  await until(() => written(log) !== "");
  expect(written(log)).toBe(words.map((word) => `[${word}]`).join(""));
});

test("start() answers the program's own number, and leaves it nothing of ours", async () => {
  const pid = await start({ words: ["sleep", "60"], log: newLog() });
  await until(() => wordsOf(pid)[0] === "sleep");
  const names = written(`/proc/${pid}/environ`)
    .split("\0")
    .map((one) => one.split("=")[0]);
  expect(new Set(names)).toEqual(new Set(["PATH", "LC_ALL", "PWD", "OLDPWD", ""]));
  // The loader has the program's library open there for a moment; a pipe of ours would stay.
  await until(() => !existsSync(`/proc/${pid}/fd/3`));
});

test("start() writes the number into control groups before the program begins", async () => {
  const [group, log] = [join(root, "group"), newLog()];
  await start({ words: ["cat", group], log, controlGroups: [group] });
  await until(() => written(log) !== "");
  expect(written(log)).toBe("0\n");
});

test.each([
  { name: "a control group is not there", log: newLog(), controlGroups: ["/proc/none/of/it"], says: "none" },
  { name: "its log can't be written", log: "/proc/none/log", says: "" },
])("start() begins nothing where $name", async ({ name: _, says, ...how }) => {
  const mark = join(root, "begun");
  await expect(starter.start({ words: ["touch", mark], ...how })).rejects.toThrow("could not be started");
  expect(written(how.log)).toContain(says);
  expect(existsSync(mark)).toBe(false);
});

test("start() answers the same for a program that is not there, whose process ends", async () => {
  const log = newLog();
  const pid = await start({ words: ["/none/such"], log });
  await until(() => [undefined, "Z"].includes(stateOf(pid)));
  expect(written(log)).toContain("/none/such");
});

test("many start side by side", async () => {
  const log = newLog();
  const pids = await Promise.all(Array.from({ length: 20 }, (_, i) => start({ words: ["sleep", `60.${i}`], log })));
  await until(() => pids.every((pid) => wordsOf(pid)[0] === "sleep"));
  expect(pids.map((pid) => wordsOf(pid)[1])).toEqual(pids.map((_, i) => `60.${i}`));
});

const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(written(`/proc/${pid}/status`))?.[1]);

test("programs outlive the small process, which another takes the place of", async () => {
  const other = new Starter(bareEnv());
  const sleep = async () => {
    const pid = await other.start({ words: ["sleep", "60"], log: newLog() });
    started.push(pid);
    return pid;
  };
  const before = await sleep();
  const parent = parentOf(before);
  process.kill(parent, "SIGKILL");
  await until(() => parentOf(before) !== parent);
  // Whoever asks just then is told that it did not work.
  const after = await sleep().catch(sleep);
  // A process that begins is a shell yet, for a moment.
  await until(() => [before, after].every((pid) => wordsOf(pid)[0] === "sleep"));
  other.close();
});

test("what has ended is forgotten at the next start", async () => {
  const pid = await start({ words: ["true"], log: newLog() });
  // Without words it may also be on its way to its program.
  await until(() => [undefined, "Z"].includes(stateOf(pid)));
  await start({ words: ["sleep", "60"], log: newLog() });
  await until(() => stateOf(pid) === undefined);
});
