// Finds the server to talk to, comes back to it or goes on to another after every loss, for as long as the client lives.
import type { Clock } from "../../../../clock.ts";
import { nameOf, type Remote } from "./remote.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { tlsFault } from "./tls.ts";

/** The first wait after all servers were tried in vain: a server that was restarted is back in less than two of them. */
const firstWaitMs = 50;
/** The longest: a cluster elects a leader within one to two seconds. */
const longestWaitMs = 1_000;
/** A connection that lived shorter than this counts as a failure. */
const stableMs = 1_000;

export interface FollowOptions extends SessionOptions {
  readonly remotes: readonly Remote[];
  readonly clock: Clock;
  readonly random: () => number;
  /** The copy is up to date and transactions may be sent. */
  readonly onSession: (session: Session) => void;
  readonly onLost: () => void;
  /** Told of each try in vain. */
  readonly onFailure: (cause: Error) => void;
}

/** Resolves when the signal aborts. */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { remotes } = options;
  let failures = 0;
  const told = new Telling(options);
  for (let turn = 0; !signal.aborted; turn++) {
    const remote = remotes[turn % remotes.length];
    if (remote === undefined) return;
    const session = await tryOne(remote, { ...options, onFailure: (cause) => told.failed(remote, cause) }, signal);
    if (session !== undefined) told.used();
    if (session !== undefined && (await lived(session, remote, options, signal)) >= stableMs) failures = 0;
    else failures++;
    if (session === undefined && failures % remotes.length === 0) told.round();
    await pause(failures, options, signal);
  }
}

/** Tells the log why no server can be used, once for as long as it is for the same reasons. */
class Telling {
  readonly #options: FollowOptions;
  readonly #reasons = new Map<Remote, string>();
  #last = "";

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  failed(remote: Remote, cause: Error): void {
    this.#reasons.set(remote, cause.message);
    this.#options.onFailure(cause);
  }

  /** All were tried in vain. */
  round(): void {
    const { database, log } = this.#options;
    const reasons = [...this.#reasons.values()].join("; ");
    if (reasons !== this.#last) log?.(`no server of ${database} can be used yet; still trying: ${reasons}`);
    this.#last = reasons;
  }

  used(): void {
    this.#reasons.clear();
    this.#last = "";
  }
}

async function tryOne(remote: Remote, options: FollowOptions, signal: AbortSignal): Promise<Session | undefined> {
  try {
    return await openSession(remote, options, signal);
  } catch (cause) {
    options.onFailure(new Error(`${nameOf(remote)}: ${tlsFault(cause) ?? messageOf(cause)}`, { cause }));
    return undefined;
  }
}

/** Stays with a server until the connection breaks. Answers how long that was, in milliseconds. */
async function lived(session: Session, remote: Remote, options: FollowOptions, signal: AbortSignal): Promise<number> {
  const { clock, database, log } = options;
  const start = clock.now();
  const stop = () => session.close(new Error("the client is closed"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  log?.(`connected to ${database} at ${nameOf(remote)}`);
  options.onSession(session);
  const cause = await session.ended;
  signal.removeEventListener("abort", stop);
  options.onLost();
  if (!signal.aborted) log?.(`lost ${database} at ${nameOf(remote)}: ${cause.message}`, cause);
  return clock.now() - start;
}

/** After each round of all servers: exponential, with jitter, so that many clients do not come back at once. */
async function pause(failures: number, { remotes, clock, random }: FollowOptions, signal: AbortSignal): Promise<void> {
  if (failures === 0 || failures % remotes.length !== 0) return;
  const ceiling = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures / remotes.length - 1, 10));
  await clock.sleep(ceiling * (0.5 + random() / 2), signal);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
