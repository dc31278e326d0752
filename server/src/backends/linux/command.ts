// Runs the short programs of the system: ip, ethtool, ovsdb-tool, ovs-appctl.
import { Starter } from "./starter.ts";

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
const searched = () => `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;

/** What a program has that is ours. */
export function systemEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: searched(), ...more };
}

/** What a program has that strangers may take over, or whose words are read: nothing of our environment, which may hold secrets. */
export function bareEnv(): { readonly PATH: string; readonly LC_ALL: "C" } {
  return { PATH: searched(), LC_ALL: "C" };
}

let starter: Starter | undefined;

/** Runs a program to its end, however it ends. @throws the system's error if it can't be started, what the signal was aborted with. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  const { input = "", env = {}, timeoutMs = 10_000, signal } = options;
  signal?.throwIfAborted();
  starter ??= new Starter(systemEnv());
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    const kill = AbortSignal.any(signal === undefined ? [late.signal] : [late.signal, signal]);
    const ended = await starter.run({ words: [program, ...args], input, env }, kill);
    signal?.throwIfAborted();
    if (ended.code === notFound && ended.stderr.trimEnd().endsWith("not found")) throw missing(program);
    return ended;
  } finally {
    clearTimeout(timer);
  }
}

/** What a shell says of a program that is not there. */
const notFound = 127;

function missing(program: string): Error {
  return Object.assign(new Error(`${program} is not installed`), { code: "ENOENT" });
}

/** Runs a program that must succeed; answers what it wrote. @throws Error with what it complained of. */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args, options);
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${stderr.trim()}`);
}
