// Runs the short programs of the system: ip, ethtool, ovsdb-tool, ovs-appctl.
import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Kills it. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface Ended {
  /** -1: it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The system's folders are searched even where the caller's PATH leaves them out, as that of a plain user does. */
export function systemEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`, ...more };
}

/** Runs a program to its end, however it ends. @throws the system's error if it can't be started, AbortError. */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { input = "", env, timeoutMs = 10_000, signal } = options;
  const limits = { timeout: timeoutMs, killSignal: "SIGKILL", ...(signal && { signal }) } as const;
  const child = spawn(program, [...args], { env: systemEnv(env), ...limits });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => out.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
  // A program that does not read its input to the end is none of our business.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** Runs a program that must succeed; answers what it wrote. @throws Error with what it complained of. */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args, options);
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${stderr.trim()}`);
}
