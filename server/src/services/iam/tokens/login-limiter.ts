// Slows down guessing. Failures count by where they come from and whom they try: so nobody is locked out by what others do elsewhere.
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";

/** Wrong attempts on one principal from one address: enough for a person who mistypes, at ten in five minutes nobody guesses a password. */
const mostForPair = 10;
/** From one address on whatever principals: an office behind one address mistypes, too. */
const mostForSource = 200;
const windowMs = 5 * 60_000;
/** Counters that are kept; the oldest goes first. */
const mostCounters = 100_000;

interface Counter {
  count: number;
  readonly until: number;
}

export interface LoginLimiter {
  /** Counts an attempt before it is checked, so that many at a time don't slip through. Answers how to take it back after a success. @throws Fault TOO_MANY_REQUESTS */
  attempt(sourceIp: string, principal: string): () => void;
}

export function createLoginLimiter(clock: Clock): LoginLimiter {
  const counters = new Map<string, Counter>();
  const counterOf = (key: string): Counter => {
    const known = counters.get(key);
    if (known !== undefined && known.until > clock.now()) return known;
    const counter = { count: 0, until: clock.now() + windowMs };
    counters.delete(key);
    counters.set(key, counter);
    const oldest = counters.size > mostCounters ? counters.keys().next().value : undefined;
    if (oldest !== undefined) counters.delete(oldest);
    return counter;
  };
  return {
    attempt(sourceIp, principal) {
      const pair = counterOf(`${sourceIp} ${principal}`);
      const source = counterOf(sourceIp);
      if (pair.count >= mostForPair || source.count >= mostForSource) throw tooMany(pair, source, clock.now());
      pair.count += 1;
      source.count += 1;
      return () => {
        pair.count = 0;
        source.count -= 1;
      };
    },
  };
}

function tooMany(pair: Counter, source: Counter, now: number): Fault {
  const until = pair.count >= mostForPair ? pair.until : source.until;
  const seconds = Math.max(1, Math.ceil((until - now) / 1000));
  return new Fault("TOO_MANY_REQUESTS", `too many failed logins from this address; try again in ${seconds} seconds`);
}
