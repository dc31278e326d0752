// How guesses are slowed down; see tokens/login-limiter.ts.
import type { Attempt } from "../tokens/login-limiter.ts";

export interface Attempts {
  /** Runs a check of something that could be guessed: undefined is a failure. @throws Fault TOO_MANY_REQUESTS */
  attempt<T>(from: Attempt, about: string, check: () => Promise<T | undefined>): Promise<T | undefined>;
}
