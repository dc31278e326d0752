// Keeps one guest from taking what is everybody's: how often it may ask, and how much of its asking may be under way.
import type { Clock } from "../clock.ts";

/** How many guests are remembered; the oldest is forgotten, which only gives it a full bucket again. */
const remembered = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A bucket of tokens for each guest. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor({
    perSecond,
    burst,
    clock,
  }: { readonly perSecond: number; readonly burst: number; readonly clock: Clock }) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
  }

  /** Takes a token. False: there is none. */
  take(guest: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#bucketOf(guest, now);
    const gained = (Math.max(0, now - bucket.at) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + gained);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #bucketOf(guest: string, now: number): Bucket {
    const known = this.#buckets.get(guest);
    if (known !== undefined) return known;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= remembered) this.#buckets.delete(oldest);
    const bucket = { tokens: this.#burst, at: now };
    this.#buckets.set(guest, bucket);
    return bucket;
  }
}

/** Counts what is under way, of all and of each guest. */
export class Concurrency {
  readonly #ofAll: number;
  readonly #ofOne: number;
  readonly #running = new Map<string, number>();
  #all = 0;

  constructor({ ofAll, ofOne }: { readonly ofAll: number; readonly ofOne: number }) {
    this.#ofAll = ofAll;
    this.#ofOne = ofOne;
  }

  /** Enters. Answers how to leave; undefined: it is full. */
  enter(guest: string): (() => void) | undefined {
    const own = this.#running.get(guest) ?? 0;
    if (this.#all >= this.#ofAll || own >= this.#ofOne) return undefined;
    this.#all++;
    this.#running.set(guest, own + 1);
    return () => {
      this.#all--;
      const left = (this.#running.get(guest) ?? 1) - 1;
      if (left === 0) this.#running.delete(guest);
      else this.#running.set(guest, left);
    };
  }
}
