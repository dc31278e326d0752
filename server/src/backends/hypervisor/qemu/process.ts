// A machine's process: started apart from ours, so that it outlives us, and found again by what /proc says of it, never by a number alone.
import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readdirSync, readFileSync } from "node:fs";
import { bareEnv } from "../../linux/command.ts";
import { inNetwork } from "../../linux/in-network.ts";
import { killProcess } from "../../linux/kill.ts";

/** As whom and where a machine runs. */
export interface ProcessPlace {
  /** A user of its own, without any capability; undefined where we are not root: then it is ours. */
  readonly uid: number | undefined;
  /** Groups that let its user reach the host's devices. Default none. */
  readonly groups?: readonly number[];
  /** The network namespace (`ip netns`) in which its devices are; undefined: that of whoever starts it. */
  readonly namespace: string | undefined;
  /**
   * Files into which it writes 0 first, which means itself: so it is in its control groups from its first instruction on, and memory is charged
   * where it was taken. Default none.
   */
  readonly controlGroups?: readonly string[];
}

/** The files of a process's standard streams. */
export interface ProcessFiles {
  /** Undefined: it reads nothing. */
  readonly input?: string;
  readonly output: string;
  readonly errors: string;
}

/** Tells a process from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, as /proc/PID/stat has it. */
  readonly startTime: string;
}

/** The place of the start time in /proc/PID/stat, counted behind the name in parentheses (proc(5)). */
const startTimeField = 19;

/**
 * Nothing of our environment is passed on: it may hold secrets, and a guest may break out of its process.
 *
 * @param files one for all that it says, or one for each stream.
 * @throws the system's error if the program can't be started.
 */
export async function startProcess(
  program: string,
  args: readonly string[],
  place: ProcessPlace,
  files: string | ProcessFiles,
): Promise<number> {
  const [first = program, ...rest] = [...inControlGroups(place), ...placed(program, args, place)];
  const { input, output, errors }: ProcessFiles = typeof files === "string" ? { output: files, errors: files } : files;
  const opened = [openSync(output, "a", 0o600), openSync(errors, "a", 0o600)];
  // Read and write: a pipe then never ends for its reader, whoever else comes and goes; and reading an empty one does not block.
  if (input !== undefined) opened.unshift(openSync(input, constants.O_RDWR | constants.O_NONBLOCK));
  try {
    const stdio = input === undefined ? ["ignore" as const, ...opened] : opened;
    const child = spawn(first, rest, { detached: true, stdio, cwd: "/", env: bareEnv() });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    return child.pid ?? 0;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** A program's words as whom and where it should run. */
export function placed(
  program: string,
  args: readonly string[],
  place: Omit<ProcessPlace, "controlGroups">,
): readonly string[] {
  return inNetwork(place.namespace, ...unprivileged(place), program, ...args);
}

/** What varies is an argument of the script, never a part of it. */
const enter = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"';

function inControlGroups({ controlGroups = [] }: ProcessPlace): string[] {
  return controlGroups.length === 0 ? [] : ["/bin/sh", "-c", enter, "sh", ...controlGroups, "--"];
}

/** QEMU's own sandbox forbids changing the user, so that it is done before it starts. */
function unprivileged({ uid, groups = [] }: ProcessPlace): string[] {
  if (uid === undefined) return [];
  const more = groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")];
  const user = ["--reuid", String(uid), "--regid", String(uid), ...more];
  return ["setpriv", ...user, "--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all"];
}

/** Undefined: there is no such process (any more). */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (stat === "" || state === "Z") return undefined;
  return { pid, startTime: fields[startTimeField - 1] ?? "" };
}

/** Whether that very process runs, and was started with the word among its arguments. */
export function isAlive({ pid, startTime }: ProcessIdentity, word: string): boolean {
  if (identityOf(pid)?.startTime !== startTime) return false;
  return read(`/proc/${pid}/cmdline`).split("\0").includes(word);
}

/** Ends it at once. @param word among its arguments; undefined: it may not have become its program yet. */
export function kill(identity: ProcessIdentity, word?: string): void {
  const { pid, startTime } = identity;
  const isThere = word === undefined ? identityOf(pid)?.startTime === startTime : isAlive(identity, word);
  if (isThere) killProcess(pid);
}

/** The processes that were started with one of the words among their arguments, by the word. */
export function processesWith(words: ReadonlySet<string>): ReadonlyMap<string, ProcessIdentity> {
  const found = new Map<string, ProcessIdentity>();
  for (const name of words.size === 0 ? [] : readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const word = read(`/proc/${name}/cmdline`)
      .split("\0")
      .find((one) => words.has(one));
    const identity = word === undefined ? undefined : identityOf(Number(name));
    if (word !== undefined && identity !== undefined) found.set(word, identity);
  }
  return found;
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
