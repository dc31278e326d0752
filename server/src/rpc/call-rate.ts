// How many calls a principal may make: a bucket that fills at a steady rate and holds some seconds' worth, so that a program's bursts pass and a
// loop that runs away starves nobody. Each server counts for itself.
import { Fault } from "../fault.ts";
import type { Principal } from "../services/kind.ts";
import { actorOf } from "../services/resources/work.ts";

/** Seconds' worth of calls that a bucket holds. */
const burstSeconds = 5;
/** Principals that are remembered; one that is forgotten begins with a full bucket. */
const mostBuckets = 20_000;

interface Bucket {
  calls: number;
  at: number;
}

export interface CallRate {
  /** Takes one call. @throws Fault TOO_MANY_REQUESTS with the time until there is one. */
  take(principal: Principal | undefined): void;
}

/** @param perSecond Calls of one principal; 0: as many as it likes. */
export function createCallRate(perSecond: number, now: () => number): CallRate {
  const buckets = new Map<string, Bucket>();
  const most = perSecond * burstSeconds;
  const bucketOf = (name: string): Bucket => {
    const known = buckets.get(name);
    if (known !== undefined) return known;
    const bucket = { calls: most, at: now() };
    buckets.set(name, bucket);
    const oldest = buckets.size > mostBuckets ? buckets.keys().next().value : undefined;
    if (oldest !== undefined) buckets.delete(oldest);
    return bucket;
  };
  return {
    take(principal) {
      if (perSecond === 0 || principal === undefined) return;
      const bucket = bucketOf(actorOf(principal));
      const at = now();
      bucket.calls = Math.min(most, bucket.calls + (Math.max(0, at - bucket.at) / 1_000) * perSecond);
      bucket.at = at;
      if (bucket.calls < 1) throw tooMany(perSecond, ((1 - bucket.calls) / perSecond) * 1_000);
      bucket.calls -= 1;
    },
  };
}

function tooMany(perSecond: number, ms: number): Fault {
  return new Fault(
    "TOO_MANY_REQUESTS",
    `you make more than ${perSecond} calls a second; make fewer, and this one again`,
    {
      retryAfterMs: Math.max(1, Math.ceil(ms)),
    },
  );
}
