// --wait: until a resource is ready, and --wait=programmed: until the network's hosts work by it, too.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type CallOptions, PhotonError, type Receipt } from "@photoncloud/sdk";
import { type Command, Option } from "commander";
import type { AnyClient, AnyResource } from "./clients.ts";
import { type CommonOptions, type Session, timeoutMsOf } from "./session.ts";

export interface WaitFlags extends CommonOptions {
  readonly wait?: boolean;
  readonly waitProgrammed?: boolean;
}

/** How long a wait may take where nothing was said, in milliseconds: as long as the SDK's waiters. */
const usualMs = 600_000;
/** The most that the cloud holds one answer back. */
const heldMs = 30_000;
/** Between two questions, where the answer came early. */
const pauseMs = 1_000;

/** A flag that takes no value: what follows it is never taken for one. */
export function addWaitOption(command: Command, until: string): Command {
  return command
    .option("--wait", `${until}; --wait=programmed: until the hosts work by it, too`)
    .addOption(new Option("--wait-programmed").hideHelp());
}

/** The words of a command line as `addWaitOption` understands them. */
export function withPlainWaits(args: readonly string[]): string[] {
  const words: Readonly<Record<string, string>> = {
    "--wait=programmed": "--wait-programmed",
    "--wait=ready": "--wait",
  };
  return args.map((word) => words[word] ?? word);
}

/** What a wait is given. */
export function waitOptions(session: Session, options: CommonOptions) {
  return { ...session.tenant, signal: session.io.signal, timeoutMs: timeoutMsOf(options) };
}

export interface Waited {
  /** Does the change; again with the same key it answers the same, and waits again. */
  readonly send: (call: CallOptions) => Promise<AnyResource>;
  /** Waits until what was sent is done: ready, or gone. */
  readonly settled: (id: string) => Promise<AnyResource | undefined>;
}

/** Changes something, and waits as the flags say. Answers the resource as it was seen last, with what only the first answer tells. */
export async function changed(session: Session, options: WaitFlags, { send, settled }: Waited): Promise<AnyResource> {
  if (options.waitProgrammed === true) return programmed(session, options, { send, settled });
  const made = await send(session.call);
  return options.wait === true ? merged(made, await settled(made.id)) : made;
}

async function programmed(session: Session, options: WaitFlags, { send, settled }: Waited): Promise<AnyResource> {
  const until = Date.now() + (timeoutMsOf(options) ?? usualMs);
  const call = { ...session.call, idempotencyKey: randomUUID(), wait: "programmed" } as const;
  for (;;) {
    let receipt: Receipt | undefined;
    const waitMs = Math.max(1, Math.min(heldMs, until - Date.now()));
    const made = await send({ ...call, waitMs, onReceipt: (told) => (receipt = told) });
    if (receipt === "programmed") return made;
    if (receipt === "accepted") await settled(made.id);
    if (receipt === undefined || Date.now() >= until) throw late(made.id, receipt);
    await sleep(pauseMs, undefined, { signal: session.io.signal });
  }
}

function late(id: string, receipt: Receipt | undefined): PhotonError {
  if (receipt === undefined)
    return new PhotonError("unimplemented", `${id}: this server does not tell how far a change has come`);
  return new PhotonError("deadline_exceeded", `${id} is ${receipt}, but not all hosts work by it yet`);
}

/** What is answered once (a key's secret) is in the first answer alone. */
function merged(made: AnyResource, last: AnyResource | undefined): AnyResource {
  return { ...made, ...Object.fromEntries(Object.entries(last ?? {}).filter(([, value]) => value !== "")) };
}

/** Waits until it is ready. */
export function untilReady(client: AnyClient, session: Session, options: CommonOptions): Waited["settled"] {
  return (id) => client.waitUntilReady(id, waitOptions(session, options));
}

/** Waits until it is gone. */
export function untilGone(client: AnyClient, session: Session, options: CommonOptions): Waited["settled"] {
  return async (id) => {
    await client.waitUntilGone(id, waitOptions(session, options));
    return undefined;
  };
}
