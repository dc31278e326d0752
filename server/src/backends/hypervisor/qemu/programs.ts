// Runs the programs around QEMU: qemu-img, ip. Never through a shell.
import { execFile } from "node:child_process";
import { hasCode } from "../../../has-code.ts";
import { DriverError } from "../../driver-error.ts";
import { bareEnv } from "../../linux/command.ts";

/** How long a program may take, in milliseconds: converting a large image. */
const longestMs = 30 * 60_000;
/** How much of a program's complaint is kept. */
const longestComplaint = 400;

/** What is told when there is no room on the host: it may pass. */
export function diskFull(cause: unknown): DriverError {
  return new DriverError("unavailable", "the host's disk is full", { status: "NoRoom", cause });
}

export function isFull(error: unknown): boolean {
  return hasCode(error, "ENOSPC");
}

/** Answers what it printed. @param input what it reads; default nothing. @throws DriverError "refused" with what it complained of. */
export function run(program: string, args: readonly string[], signal: AbortSignal, input = ""): Promise<string> {
  return execute([program, ...args], `${program} ${args[0] ?? ""}`, signal, input);
}

/** As `run`; it is killed where this process ends. */
export function runWithUs(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const mortal = ["setpriv", "--pdeathsig", "KILL", program, ...args];
  return execute(mortal, `${program} ${args[0] ?? ""}`, signal, "");
}

function execute(
  [program = "", ...args]: readonly string[],
  name: string,
  signal: AbortSignal,
  input: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      signal,
      timeout: longestMs,
      maxBuffer: 16 * 1024 * 1024,
      env: bareEnv(),
    };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (signal.aborted) return reject(error);
      const complaint = (stderr.trim() || error.message).slice(0, longestComplaint);
      if (complaint.includes("No space left on device")) return reject(diskFull(error));
      reject(new DriverError("refused", `${name}: ${complaint}`, { cause: error }));
    });
    // A program that ends before it has read it says why.
    child.stdin?.on("error", () => {}).end(input);
  });
}
