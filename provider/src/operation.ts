// The steps of one operation against the cloud: send, wait until it is settled, and never lose what was made.
import { randomUUID } from "node:crypto";
import type { PhotonError } from "@photoncloud/sdk";
import type { Receipt } from "@photoncloud/sdk/calls";
import { type Condition, conditionOf, type KindCalls, type Reference, type Terms } from "./cloud.ts";
import { Deadline } from "./deadline.ts";
import {
  type Diagnostic,
  explain,
  hasReason,
  isNotFound,
  isPhotonError,
  plainError,
  withRequest,
} from "./diagnostics.ts";

import type { Journal } from "./journal.ts";
import { digestOf } from "./journal.ts";
import { type JsonObject, textOf } from "./json-object.ts";
import { log } from "./plugin/log.ts";

/** How long the cloud may hold an answer until the resource is settled; it allows at most 30 seconds. */
const holdMs = 30_000;
/** One call goes on through a restart of the cloud for this long. */
export const callMs = 120_000;
/** And for how long where it is looked at again: whoever follows it sees what it waits for as often. */
const lookMs = 5_000;
/** A cloud that holds no read back is asked quickly first, since most things are made in a blink, and then ever more seldom up to this. */
const slowestPollMs = 5_000;
const firstPollMs = 100;

/** Terms of a read within an operation. @param absentMs As the terms have it. */
export const reading = (deadline: Deadline, absentMs?: number): Terms => ({
  get signal() {
    return deadline.signal;
  },
  timeoutMs: Math.min(callMs, deadline.remainingMs()),
  ...(absentMs !== undefined && { absentMs }),
});

/** Terms of a read that is to come when the resource has settled. */
const looking = (deadline: Deadline): Terms => ({
  ...reading(deadline),
  waitMs: Math.floor(Math.min(lookMs, deadline.remainingMs())),
});

/** The time from one look to the next. What was held back is followed by the next look at once. */
class Pace {
  readonly #deadline: Deadline;
  #everyMs = firstPollMs;
  #last = performance.now();

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
  }

  async next(): Promise<void> {
    await this.#deadline.pause(Math.max(0, this.#last + this.#everyMs - performance.now()));
    this.#everyMs = Math.min(this.#everyMs * 1.5, slowestPollMs);
    this.#last = performance.now();
  }
}

/** Terms of a change. */
export const changing = (deadline: Deadline, idempotencyKey: string): Terms => ({
  ...reading(deadline),
  idempotencyKey,
  waitMs: Math.floor(Math.min(holdMs, deadline.remainingMs())),
});

export interface Settled {
  readonly resource: JsonObject;
  readonly diagnostics: readonly Diagnostic[];
  /** It may still become ready: the wait ended before. */
  readonly pending: boolean;
}

/** What a creation made, and the idempotency key that made it. */
export interface Created extends Settled {
  readonly key: string;
}

const goesOn = "The cloud goes on, and the next apply waits for it again.";

function conditionProblem(what: string, condition: Condition, deadline: Deadline): Diagnostic {
  const why = [condition.reason, condition.message].filter((part) => part !== "").join(": ");
  const said = why === "" ? "" : ` The cloud says: ${why}.`;
  if (condition.state === "failed")
    return plainError(
      `${what} failed`,
      `It could not be made as asked for.${said} The cloud keeps trying. What a create left so is replaced by the next apply; where it got through meanwhile, terraform untaint keeps it.`,
    );
  if (deadline.stopped)
    return plainError(`${what} was stopped`, `Terraform was told to stop before it was ready.${said} ${goesOn}`);
  return plainError(
    `${what} is not ready in time`,
    `The timeout is over.${said} ${goesOn} Give it more time with the attribute timeouts, or look at it with the command photon.`,
  );
}

/** For TF_LOG_PROVIDER=info: of a create or an update Terraform itself shows no more than the time that it takes. */
const toLog = (progress: string): void => log("info", progress);

/** Tells each time what a resource waits for, once. */
function telling({ kind }: KindCalls, { id }: Reference, tell: (progress: string) => void): (one: Condition) => void {
  let last = "";
  return ({ reason, message }) => {
    const why = [reason, message].filter((part) => part !== "").join(": ");
    if (why !== last) tell(`Waiting for ${kind.noun} ${id}: ${why}`);
    last = why;
  };
}

/** Looks until a resource is ready, failed or the time is up. What is known of it is never lost: problems come beside it. */
export async function settled(
  calls: KindCalls,
  at: Reference,
  first: JsonObject,
  what: string,
  deadline: Deadline,
  tell = toLog,
): Promise<Settled> {
  let resource = first;
  const [waits, pace] = [telling(calls, at, tell), new Pace(deadline)];
  for (;;) {
    const condition = conditionOf(resource);
    if (condition.state === "ready") return { resource, diagnostics: [], pending: false };
    const failed = condition.state === "failed";
    if (failed || deadline.over)
      return { resource, diagnostics: [conditionProblem(what, condition, deadline)], pending: !failed };
    waits(condition);
    await pace.next();
    try {
      if (!deadline.over) resource = await calls.get(at, looking(deadline));
    } catch (error) {
      if (deadline.over) continue;
      const told = explain(error, [], `waiting for ${what}`);
      const summary = `${what} could not be followed`;
      return {
        resource,
        diagnostics: told.map((one) => ({ ...one, summary, detail: `${goesOn} ${one.detail}` })),
        pending: true,
      };
    }
  }
}

/** Errors after which the cloud may still have done, or may still do, what was asked. */
const uncertain = new Set([
  "unavailable",
  "deadline_exceeded",
  "canceled",
  "internal",
  "unknown",
  "aborted",
  "data_loss",
]);

const isUncertain = (error: unknown): boolean => !isPhotonError(error) || uncertain.has(error.code);

export interface Creation {
  readonly calls: KindCalls;
  readonly request: JsonObject;
  /** What makes it the same creation: the request without what must not be written to disk. */
  readonly identity: unknown;
  readonly at: Omit<Reference, "id">;
  readonly what: string;
  /** Whether Terraform looks at a part of the state alone. */
  isPartial(): Promise<boolean>;
}

const sparedBeside = (what: string): Diagnostic => ({
  severity: "warning",
  summary: `There may be two of ${what}`,
  detail:
    "An earlier apply was cut short after it had created one just like it. With -target, or a plan that was saved with it, Terraform does not show whether that one is in the state, so this one was created anew. Run terraform plan without -target: where the state lacks the other one, import it or delete it.",
});

const referenceTo = (creation: Creation, resource: JsonObject): Reference => ({
  ...creation.at,
  id: textOf(resource, "id"),
});

/** Terraform destroys in the next apply what a create answered with an error: what may still become ready is a warning. */
const lasting = (made: Settled): Settled =>
  made.pending ? { ...made, diagnostics: made.diagnostics.map((d) => ({ ...d, severity: "warning" })) } : made;

/** Creates under a key of the journal; takes up a creation whose answer was lost (journal.ts says when). */
export async function create(creation: Creation, journal: Journal, deadline: Deadline): Promise<Created> {
  const digest = digestOf(creation.identity);
  const spares = (await journal.isDoubtful(digest)) && (await creation.isPartial());
  const entry = await journal.begin(digest, { spares });
  try {
    const first = await creation.calls.create(creation.request, changing(deadline, entry.key));
    const current = entry.resumed ? await stillThere(creation, first, deadline) : first;
    if (current === undefined) await journal.refused(entry);
    else {
      const at = referenceTo(creation, current);
      const made = lasting(await settled(creation.calls, at, current, creation.what, deadline));
      await journal.answered(entry);
      const diagnostics = [...made.diagnostics, ...(entry.spares ? [sparedBeside(creation.what)] : [])];
      return { ...made, diagnostics, key: entry.key };
    }
  } catch (error) {
    if (!isUncertain(error)) await journal.refused(entry);
    if (!entry.resumed || !hasReason(error, "IDEMPOTENCY_KEY_REUSED")) throw error;
  }
  // What the lost creation made is gone since, or its key stands for something else: this is a new creation.
  return create(creation, journal, deadline);
}

/** An answer that the cloud remembered is of its own time: the resource may have been deleted since. */
async function stillThere(creation: Creation, first: JsonObject, deadline: Deadline): Promise<JsonObject | undefined> {
  try {
    return await creation.calls.get(referenceTo(creation, first), reading(deadline));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface Change {
  readonly calls: KindCalls;
  readonly at: Reference;
  readonly request: JsonObject;
  /** JSON names of the fields that change. */
  readonly mask: readonly string[];
  readonly etag: string;
  readonly what: string;
  /** Whether the configuration says that data may be lost. */
  readonly allowsDataLoss: boolean;
  /** Whether what is there now is what the plan was made from. */
  isAsPlanned(current: JsonObject): boolean;
}

const staleEtag = (what: string, { requestId }: PhotonError): Diagnostic =>
  plainError(
    `${what} changed outside of this run`,
    withRequest(
      [
        "Somebody changed it after this plan was made, so nothing was done. Run terraform plan again to see the change, then apply.",
      ],
      requestId,
    ),
  );

/** The etag to go on with after STALE_ETAG: an output that changed by itself does not stop a change that was planned. */
async function freshEtag(
  change: Pick<Change, "calls" | "at" | "isAsPlanned">,
  deadline: Deadline,
): Promise<string | undefined> {
  const current = await change.calls.get(change.at, reading(deadline));
  return change.isAsPlanned(current) ? textOf(current, "etag") : undefined;
}

/** Updates, then waits. Problems before anything changed leave `resource` undefined. */
export async function update(change: Change, deadline: Deadline): Promise<Settled | readonly Diagnostic[]> {
  const terms = { ...changing(deadline, randomUUID()), allowDataLoss: change.allowsDataLoss };
  try {
    const first = await change.calls.update(change.at, change.request, change.mask, change.etag, terms);
    return await settled(change.calls, change.at, first, change.what, deadline);
  } catch (error) {
    if (!hasReason(error, "STALE_ETAG")) throw error;
    const etag = await freshEtag(change, deadline);
    return etag === undefined || etag === change.etag
      ? [staleEtag(change.what, error)]
      : update({ ...change, etag }, deadline);
  }
}

export interface Removal {
  readonly calls: KindCalls;
  readonly at: Reference;
  readonly etag: string;
  readonly what: string;
  isAsPlanned(current: JsonObject): boolean;
}

/** Reasons that pass when what refers to it goes. */
const passing = (error: unknown): boolean => hasReason(error, "STILL_REFERENCED") || hasReason(error, "WRONG_STATE");

/**
 * How long a removal waits for what refers to it. Terraform removes what it knows to refer to it first, so that only what is
 * still being removed, or what it does not know, can be in the way: more patience would not mend the second.
 */
const referencedMs = 60_000;

/** Deletes and waits until it is gone. What is gone already is deleted. */
export async function remove(removal: Removal, deadline: Deadline): Promise<readonly Diagnostic[]> {
  let { etag } = removal;
  const patience = new Deadline(referencedMs, deadline.signal);
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.5, slowestPollMs)) {
    try {
      return (await isGone(removal, etag, deadline)) ? [] : await untilGone(removal, deadline);
    } catch (error) {
      if (isNotFound(error)) return [];
      if (hasReason(error, "BEING_DELETED")) return await untilGone(removal, deadline);
      if (hasReason(error, "STALE_ETAG")) {
        const fresh = await freshEtag(removal, deadline).catch((e: unknown) =>
          isNotFound(e) ? "" : Promise.reject(e),
        );
        if (fresh === undefined || fresh === etag) return [staleEtag(removal.what, error)];
        etag = fresh;
        continue;
      }
      if (!passing(error)) throw error;
      await patience.pause(pauseMs);
      if (patience.over) throw error;
    }
  }
}

/** Deletes; answers whether the cloud says with its answer that it is gone, so that nobody need look. */
async function isGone({ calls, at }: Removal, etag: string, deadline: Deadline): Promise<boolean> {
  let reached: Receipt = "accepted";
  const onReceipt = (receipt: Receipt) => {
    reached = receipt;
  };
  await calls.delete(at, etag, { ...changing(deadline, randomUUID()), onReceipt });
  return reached !== "accepted";
}

async function untilGone(removal: Removal, deadline: Deadline): Promise<readonly Diagnostic[]> {
  const pace = new Pace(deadline);
  for (;;) {
    try {
      const resource = await removal.calls.get(removal.at, looking(deadline));
      if (deadline.over) return [conditionProblem(`The removal of ${removal.what}`, conditionOf(resource), deadline)];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
    await pace.next();
  }
}
