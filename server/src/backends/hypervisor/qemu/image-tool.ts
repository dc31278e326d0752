// qemu-img for bytes of strangers: as a user of its own that may do nothing, with limits on what it takes of the host, and on a file that it alone
// may read. What it is given is a folder, which is its user's for as long as it works.
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import { bareEnv } from "../../linux/command.ts";
import { uidFor } from "./host.ts";
import { shortOf } from "./layout.ts";
import { recordOf } from "./qmp.ts";

/** How long it may compute, in seconds: a large image, compressed, on a slow host. */
const cpuSeconds = 30 * 60;
/** The address space that it may have, in bytes: its own, its threads' stacks and tables of two TiB. */
const memoryBytes = 4 * 1024 ** 3;
/** What is left free on the host's disk: so many bytes, or on a small one a twentieth of it. */
const [keptBytes, keptShare] = [512 * 1024 ** 2, 0.05];
/** How much of a program's complaint is kept. */
const longestComplaint = 400;
/** What `qemu-img check` ends with where clusters are only wasted. */
const onlyLeaks = 3;

export interface Bench {
  readonly folder: string;
  /** Undefined where we are not root: then it is ours. */
  readonly uid: number | undefined;
  /** The most bytes that a file may get here: what was allowed, or what there is room for. */
  readonly mostBytes: number;
  /** Whether it is the host's disk that sets the limit. */
  readonly short: boolean;
}

/** Makes a folder to work on one image. Remove it with `clear`. */
export function makeBench(parent: string, imageId: string, largestBytes: number): Bench {
  const folder = join(parent, `${shortOf(imageId)}.part`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  const uid = process.getuid?.() === 0 ? uidFor("image", imageId) : undefined;
  if (uid !== undefined) chownSync(folder, uid, uid);
  const { bavail, bsize, blocks } = statfsSync(folder);
  const room = Math.max(0, bavail * bsize - Math.min(keptBytes, blocks * bsize * keptShare));
  return { folder, uid, mostBytes: Math.floor(Math.min(largestBytes, room)), short: room < largestBytes };
}

/** Lets the bench's user alone read a file, and nobody write it. */
export function handOver({ uid }: Bench, file: string): void {
  chmodSync(file, 0o400);
  if (uid !== undefined) chownSync(file, uid, uid);
}

export function tooLarge({ short, mostBytes }: Pick<Bench, "short" | "mostBytes">, cause?: unknown): DriverError {
  if (short)
    return new DriverError("unavailable", "the host's disk has no room for the image", { status: "NoRoom", cause });
  return new DriverError("refused", `the image is larger than ${mostBytes} bytes, the most that is taken`, {
    status: "TooLarge",
    cause,
  });
}

/** Answers the virtual size in bytes. */
export async function virtualSizeOf(bench: Bench, file: string, format: string, signal: AbortSignal): Promise<number> {
  const printed = await run(bench, ["info", "--output=json", "-f", format, file], signal);
  const size = recordOf(JSON.parse(printed))?.["virtual-size"];
  if (typeof size === "number") return size;
  throw new DriverError("refused", "qemu-img tells no virtual size", { status: "BadFormat" });
}

/** Refuses a qcow2 file whose tables point outside of it, or at one another. */
export async function checkTables(bench: Bench, file: string, signal: AbortSignal): Promise<void> {
  await run(bench, ["check", "-q", "-f", "qcow2", file], signal).catch((error: unknown) => {
    if (recordOf(error instanceof DriverError ? error.cause : undefined)?.code !== onlyLeaks) throw error;
  });
}

/** Writes a whole qcow2 file. */
export async function convert(bench: Bench, from: string, format: string, to: string, signal: AbortSignal) {
  await run(bench, ["convert", "-q", "-f", format, "-O", "qcow2", from, to], signal);
}

function run(bench: Bench, args: readonly string[], signal: AbortSignal): Promise<string> {
  const [program = "qemu-img", ...rest] = [...limits(bench), ...unprivileged(bench), "qemu-img", ...args];
  const options = {
    signal,
    cwd: bench.folder,
    maxBuffer: 1024 * 1024,
    killSignal: "SIGKILL" as const,
    env: bareEnv(),
  };
  return new Promise((resolve, reject) => {
    execFile(program, rest, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(signal.aborted ? error : refusal(bench, args[0] ?? "", stderr.trim(), error));
    });
  });
}

function limits({ mostBytes }: Bench): string[] {
  return [
    "prlimit",
    `--fsize=${mostBytes}`,
    `--as=${memoryBytes}`,
    `--cpu=${cpuSeconds}`,
    "--nofile=64",
    "--core=0",
    "--",
  ];
}

function unprivileged({ uid }: Bench): string[] {
  if (uid === undefined) return [];
  const user = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
  return ["setpriv", ...user, "--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all"];
}

/** A file that grows beyond its limit ends the program by a signal, or fails a write. */
function refusal(bench: Bench, verb: string, complaint: string, cause: Error): DriverError {
  const outgrown = "signal" in cause && cause.signal === "SIGXFSZ";
  if (outgrown || complaint.includes("File too large")) return tooLarge(bench, cause);
  if (complaint.includes("No space left on device")) return tooLarge({ ...bench, short: true }, cause);
  const words =
    complaint.replaceAll(bench.folder, "").slice(0, longestComplaint) || "it was ended for what it took of the host";
  return new DriverError("refused", `qemu-img ${verb}: ${words}`, { status: "BadFormat", cause });
}
