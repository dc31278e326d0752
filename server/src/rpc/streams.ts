// Open streams end when they must: the caller's session is revoked, the server stops, a permission is taken away, the deadline passes.
import type { HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import { Fault } from "../fault.ts";
import type { Authenticator } from "../services/call.ts";
import type { Principal } from "../services/kind.ts";
import { toConnectError } from "./errors.ts";
import { callKey } from "./state.ts";

/** How often an open stream's permission is asked for again, before it passes on another message. Milliseconds. */
export const recheckMs = 250;
/** How often it is asked for while nothing passes: what is taken away ends every open stream within five seconds. Milliseconds. */
export const quietRecheckMs = 2_000;
/** Streams that one principal may hold open: more than any program of ours needs, few enough that none can starve the rest. */
export const mostStreamsEach = 256;
/** Streams that one server holds open. */
export const mostStreams = 10_000;

export interface StreamTerms {
  /** Aborts with the Fault that the stream shall end with. */
  readonly ends: AbortSignal;
  /** Undefined: everybody may read it. */
  readonly permission?: StreamPermission;
}

export interface StreamPermission {
  /** Throws when the caller may no longer read this. */
  recheck(): Promise<void>;
  readonly clock: Clock;
}

interface End {
  /** What the work comes to, unless the stream shall end before: then rejects with why. One work at a time. */
  before<T>(work: Promise<T>): Promise<T>;
  stop(): void;
}

/** No promise lives as long as the stream: each message that was raced against it would stay in memory with it. */
function endOf({ ends, permission }: StreamTerms): End {
  const stopped = new AbortController();
  let ended: { readonly why: unknown } | undefined;
  let reject: ((why: unknown) => void) | undefined;
  const end = (why: unknown) => {
    ended ??= { why };
    reject?.(ended.why);
  };
  if (ends.aborted) end(ends.reason);
  else ends.addEventListener("abort", () => end(ends.reason), { once: true, signal: stopped.signal });
  if (permission !== undefined) recheckUntil(AbortSignal.any([ends, stopped.signal]), permission).catch(end);
  return {
    before<T>(work: Promise<T>) {
      const first = Promise.withResolvers<T>();
      ({ reject } = first);
      if (ended !== undefined) first.reject(ended.why);
      work.then(first.resolve, first.reject);
      return first.promise;
    },
    stop: () => stopped.abort(),
  };
}

async function recheckUntil(stopped: AbortSignal, { recheck, clock }: StreamPermission): Promise<void> {
  for (;;) {
    await clock.sleep(quietRecheckMs, stopped);
    if (stopped.aborted) return;
    await recheck();
  }
}

/** Asks again where the last time is a while ago. */
function recheckNow(permission: StreamPermission | undefined): () => Promise<void> {
  if (permission === undefined) return async () => {};
  const { recheck, clock } = permission;
  let checkedAt = clock.now();
  return async () => {
    if (clock.now() - checkedAt < recheckMs) return;
    await recheck();
    checkedAt = clock.now();
  };
}

/** Passes a stream on until its terms end it. The inner stream is always closed. */
export async function* untilEnded<T>(stream: AsyncIterable<T>, terms: StreamTerms): AsyncGenerator<T> {
  const iterator = stream[Symbol.asyncIterator]();
  const end = endOf(terms);
  const due = recheckNow(terms.permission);
  try {
    for (;;) {
      const next = await end.before(iterator.next());
      if (next.done === true) return;
      await due();
      yield next.value;
    }
  } finally {
    end.stop();
    // An inner generator that waits answers its `return` only when it wakes: the signal that it was given has aborted by now.
    iterator.return?.().catch(() => undefined);
  }
}

/** Ends a stream with the session that opened it. @param over Aborts when it is over anyway. */
export async function endWhenRevoked(
  principal: Principal,
  end: AbortController,
  over: AbortSignal,
  tokens: Pick<Authenticator, "revoked">,
): Promise<void> {
  await tokens.revoked(principal, over).catch(() => undefined);
  if (!over.aborted)
    end.abort(new Fault("UNAUTHENTICATED", "the session that opened this stream has ended; log in again"));
}

/** Counts open streams, in all and by principal. */
export function createStreamCount() {
  const each = new Map<string, number>();
  let all = 0;
  return {
    /** @throws Fault TOO_MANY_REQUESTS where a limit is reached. Answers how to give the place back. */
    enter(name: string): () => void {
      const mine = each.get(name) ?? 0;
      if (mine >= mostStreamsEach || all >= mostStreams)
        throw new Fault(
          "TOO_MANY_REQUESTS",
          `there are too many open streams (at most ${mostStreamsEach} for one principal and ${mostStreams} in all); close some first`,
        );
      each.set(name, mine + 1);
      all += 1;
      return () => {
        const left = (each.get(name) ?? 1) - 1;
        if (left === 0) each.delete(name);
        else each.set(name, left);
        all -= 1;
      };
    },
  };
}

/** Bounds the streams that need no token: each address has as many places as a principal has. */
export type LimitStrangers = <T>(context: HandlerContext, stream: AsyncIterable<T>) => AsyncGenerator<T>;

export function limitStrangers(count: ReturnType<typeof createStreamCount>): LimitStrangers {
  return async function* limited(context, stream) {
    const { sourceIp, requestId } = context.values.get(callKey);
    let leave: () => void;
    try {
      leave = count.enter(sourceIp);
    } catch (error) {
      throw toConnectError(error, requestId);
    }
    try {
      yield* stream;
    } finally {
      leave();
    }
  };
}
