// Remembers which creations were begun, so that a create whose answer was lost is taken up again and never done twice.
//
// Before a create is sent, its digest (of endpoint, kind and request without write-only values) and its random idempotency key
// go to a file under Terraform's data directory, one file for each provider process. An orderly end removes what was answered.
// What is found of a process that is dead was not answered, or the answer may not have reached the state: a create with the same
// digest uses the same key, and the cloud, which remembers keys for 24 hours, answers with what that key made. So the
// provider only ever takes up what this very working directory and workspace has itself asked for. Terraform keeps the key beside
// the state of what it made: what a read or a plan finds there has reached the state, and nothing else takes it up. A run with
// -target, or of a plan that was saved with it, finds only a part there: it takes up what was surely not answered, and spares the
// rest for a run that looks at all.
import { createHash, randomUUID } from "node:crypto";
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject } from "./json-object.ts";
import { log } from "./plugin/log.ts";

/** The cloud forgets keys after 24 hours; a margin for clocks that differ. */
const longestMs = 23 * 3600 * 1000;

export interface Entry {
  readonly digest: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly begun: number;
  /** Taken over from a process that ended before its answer was surely kept. */
  readonly resumed: boolean;
  /** One of the same digest may be in the state: it was not taken over. */
  readonly spares?: boolean;
}

/**
 * What became of a key, from worst known to best: it was sent; its answer went to Terraform, which may have died before it wrote that down; it is
 * no creation's any more, since the state has what it made, or it made nothing.
 */
type Fate = "open" | "answered" | "held";
const fates: readonly Fate[] = ["open", "answered", "held"];

interface Line extends Entry {
  readonly fate: Fate;
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => [k, sorted(v)]);
};

/** The same for the same values, in whatever order their keys stand. */
export const digestOf = (value: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex");

function readLine(line: string, now: number): Line | undefined {
  try {
    const json: unknown = JSON.parse(line);
    if (!isJsonObject(json)) return undefined;
    const { digest, key, begun } = json;
    if (typeof digest !== "string" || typeof key !== "string" || typeof begun !== "number") return undefined;
    const fate = fates.find((one) => json[one] === true) ?? "open";
    return now - begun > longestMs ? undefined : { digest, key, begun, resumed: true, fate };
  } catch {
    // The last line of a process that was killed while it wrote; its create was not sent.
    return undefined;
  }
}

/** What files say, by key: each key is either left to be taken up, or held. */
function readAll(texts: readonly string[], now: number): { left: Map<string, Line>; held: Map<string, Line> } {
  const lines = texts.flatMap((text) => text.split("\n")).flatMap((line) => readLine(line, now) ?? []);
  const byKey = new Map<string, Line>();
  for (const line of lines) {
    const known = byKey.get(line.key);
    if (known === undefined || fates.indexOf(known.fate) < fates.indexOf(line.fate)) byKey.set(line.key, line);
  }
  const of = (isHeld: boolean) => new Map([...byKey].filter(([, { fate }]) => (fate === "held") === isHeld));
  return { held: of(true), left: of(false) };
}

/** A file that an orderly end left behind names no process. */
function alive(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** How long a provider whose Terraform was killed may take to notice and end. Milliseconds. */
const orphanMs = 3_000;

/** Whether a journal's process may still write to it; waits for one that is about to end. */
async function inUse(name: string): Promise<boolean> {
  const [provider = Number.NaN, terraform = Number.NaN] = name.split("-", 2).map(Number);
  const deadline = Date.now() + orphanMs;
  while (alive(provider) && !alive(terraform) && Date.now() < deadline) await sleep(20);
  return alive(provider);
}

const lineOf = ({ digest, key, begun }: Entry, fate: Fate) =>
  `${JSON.stringify({ digest, key, begun, ...(fate !== "open" && { [fate]: true }) })}\n`;

/** On disk when it resolves. Into the page cache it goes at once: to ask a thread for that would take longer. */
async function writeThrough(file: FileHandle, lines: string): Promise<void> {
  writeSync(file.fd, lines);
  await file.datasync();
}

/** The journal of one provider process. Where its directory can't be written, keys are drawn and not remembered. */
export class Journal {
  readonly #directory: string;
  readonly #own: string;
  readonly #mine = new Map<Entry, Fate>();
  #left = new Map<string, Line>();
  /** Stay written down until they are too old: another process may have read the same files and write them again. */
  #held = new Map<string, Line>();
  #deadFiles: string[] = [];
  #opening: Promise<FileHandle | undefined> | undefined;
  #file: FileHandle | undefined;
  #queue: string[] = [];
  #writing: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#own = join(directory, `${process.pid}-${process.ppid}-${randomUUID()}.jsonl`);
  }

  /** Whether creations of other processes wait to be taken up. */
  async hasLeft(): Promise<boolean> {
    const names = await readdir(this.#directory).catch(() => []);
    const others = names
      .map((name) => join(this.#directory, name))
      .filter((path) => path.endsWith(".jsonl") && path !== this.#own);
    const texts = await Promise.all(others.map((path) => readFile(path, "utf8").catch(() => "")));
    return readAll(texts, Date.now()).left.size > 0;
  }

  /** Whether a creation of this digest waits that may have been answered. */
  async isDoubtful(digest: string): Promise<boolean> {
    this.#opening ??= this.#open();
    await this.#opening;
    return [...this.#left.values()].some((line) => line.digest === digest && line.fate === "answered");
  }

  /** The key for a create; on disk when this resolves. `spares`: takes up none that may have been answered. */
  async begin(digest: string, { spares = false } = {}): Promise<Entry> {
    this.#opening ??= this.#open();
    const file = await this.#opening;
    const left = [...this.#left.values()].filter((line) => line.digest === digest);
    const taken = left.find(({ fate }) => !spares || fate === "open");
    if (taken !== undefined) this.#left.delete(taken.key);
    const drawn = { digest, key: randomUUID(), begun: Date.now(), resumed: false, spares: left.length > 0 };
    const entry: Entry = taken ?? drawn;
    this.#mine.set(entry, "open");
    if (file !== undefined) await this.#write(file, lineOf(entry, "open"));
    return entry;
  }

  /** Its object is known: kept until an orderly end. Written before Terraform is told, though not through to the disk: processes are killed more often than machines. */
  async answered(entry: Entry): Promise<void> {
    await this.#settle(entry, "answered");
  }

  /** It made nothing. */
  async refused(entry: Entry): Promise<void> {
    await this.#settle(entry, "held");
  }

  async #settle(entry: Entry, fate: Fate): Promise<void> {
    this.#mine.set(entry, fate);
    const file = await this.#opening;
    if (file !== undefined) writeSync(file.fd, lineOf(entry, fate));
  }

  /** The state holds what a key made: no creation takes it up. */
  async holds(key: string): Promise<void> {
    this.#opening ??= this.#open();
    await this.#opening;
    const line = this.#left.get(key);
    if (line === undefined) return;
    this.#left.delete(key);
    this.#held.set(key, { ...line, fate: "held" });
  }

  /** The process ends as a crash would end it: all stays as it is. */
  async crash(): Promise<void> {
    const file = await this.#opening;
    this.#opening = undefined;
    await this.#writing;
    await file?.close();
  }

  /** The process ends in order: Terraform has kept what was answered. Synchronous, since the process is about to end. */
  close(): void {
    if (this.#opening === undefined) return;
    this.#opening = undefined;
    const open = [...this.#mine].filter(([, fate]) => fate === "open").map(([entry]) => lineOf(entry, "open"));
    const kept = [...open, ...[...this.#left.values(), ...this.#held.values()].map((line) => lineOf(line, line.fate))];
    try {
      const left = join(this.#directory, `left-${randomUUID()}.jsonl`);
      if (kept.length > 0) writeFileSync(left, kept.join(""), { flush: true, mode: 0o600 });
      for (const file of [this.#own, ...this.#deadFiles]) rmSync(file, { force: true });
      this.#file?.close().catch(() => undefined);
    } catch (error) {
      log("warn", "the journal of creations could not be tidied up", { error: String(error) });
    }
  }

  async #open(): Promise<FileHandle | undefined> {
    try {
      await mkdir(this.#directory, { recursive: true });
      await this.#readOthers();
      this.#file = await open(this.#own, "a", 0o600);
      return this.#file;
    } catch (error) {
      log("warn", "the journal of creations can't be written: an interrupted create must be imported by hand", {
        directory: this.#directory,
        error: String(error),
      });
      return undefined;
    }
  }

  async #readOthers(): Promise<void> {
    const texts: string[] = [];
    for (const name of (await readdir(this.#directory)).filter((file) => file.endsWith(".jsonl")).sort()) {
      if (await inUse(name)) continue;
      const path = join(this.#directory, name);
      texts.push(await readFile(path, "utf8"));
      this.#deadFiles.push(path);
    }
    ({ left: this.#left, held: this.#held } = readAll(texts, Date.now()));
  }

  /** Lines that wait while one write is under way go to disk together. */
  async #write(file: FileHandle, line: string): Promise<void> {
    this.#queue.push(line);
    const earlier = this.#writing;
    if (earlier !== undefined) await earlier;
    if (this.#queue.length === 0) return this.#writing;
    const lines = this.#queue.splice(0).join("");
    this.#writing = writeThrough(file, lines);
    await this.#writing;
    this.#writing = undefined;
  }
}

/** Where the journal of a working directory and workspace lies. */
export async function journalDirectory(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const data = join(cwd, env.TF_DATA_DIR || ".terraform");
  const chosen = env.TF_WORKSPACE || (await readFile(join(data, "environment"), "utf8").catch(() => "")).trim();
  return join(data, "photoncloud", encodeURIComponent(chosen === "" ? "default" : chosen));
}
