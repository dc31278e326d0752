// Looks at everything again from time to time, since backends drift. Of all replicas, one triggers it: whoever moves the record on.
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { EngineLog } from "./hooks.ts";
import { defaultDeadlineMs, defaultResyncMs, type EngineKind } from "./kind.ts";

const space = "engine.resync";

/** A resync is spread over a part of its interval, so that it never crowds out what tenants wait for... */
const spread = 0.25;
/** ...but over less than its deadline, which counts from when it is scheduled. */
const spreadOfDeadline = 0.5;

/** How long to wait when the store does not answer, in milliseconds. */
const troubleMs = 30_000;

export interface ResyncOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
}

/** Resyncs one kind again and again, until the signal. */
export async function resyncForever<Drivers>(
  options: ResyncOptions,
  kind: EngineKind<Drivers>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await resyncOnce(options, kind, signal);
    } catch (error) {
      options.log.warn({ kind: kind.schema.typeName, err: error }, "a resync could not be scheduled");
      await options.clock.sleep(troubleMs, signal);
    }
  }
}

async function resyncOnce<Drivers>(
  { store, clock, random, log }: ResyncOptions,
  kind: EngineKind<Drivers>,
  signal: AbortSignal,
): Promise<void> {
  const name = kind.schema.typeName;
  const everyMs = kind.reconciler?.resyncMs ?? defaultResyncMs;
  const last = await store.records.get(space, name);
  const stamp = () => new TextEncoder().encode(String(clock.now()));
  if (last === undefined) {
    await store.records.put(space, name, stamp(), { expected: 0 });
    return;
  }
  const due = Number(new TextDecoder().decode(last.value)) + everyMs * (0.9 + 0.2 * random());
  await clock.sleep(Math.max(0, due - clock.now()), signal);
  if (signal.aborted || !(await store.records.put(space, name, stamp(), { expected: last.version }))) return;
  const deadlineMs = kind.reconciler?.deadlineMs ?? defaultDeadlineMs;
  const scheduled = await store.scheduleAll(name, Math.min(everyMs * spread, deadlineMs * spreadOfDeadline));
  log.info({ kind: name, scheduled }, "resync");
}
