// Follows a stream through broken connections: opens it again where it stopped.
import { isPhotonError } from "./errors.ts";
import { backoffMs, isPassing } from "./retry.ts";
import type { Timing } from "./timing.ts";

export interface FollowOptions<T> {
  /** Opens the stream after a cursor; "": from its beginning. */
  readonly open: (cursor: string) => AsyncIterable<T>;
  readonly cursorOf: (message: T) => string;
  /** Where to begin. */
  readonly cursor: string;
  readonly timing: Timing;
  readonly signal: AbortSignal | undefined;
}

const never = new AbortController().signal;

/**
 * The messages of a stream that is opened again whenever it breaks off. It ends when the reader stops or the signal
 * aborts (without an error), and fails on what does not pass by itself, and when it can't be opened at all.
 */
export async function* follow<T>(options: FollowOptions<T>): AsyncGenerator<T> {
  const signal = options.signal ?? never;
  let { cursor } = options;
  for (let brokenInARow = 0, everOpen = false; ; brokenInARow++) {
    try {
      for await (const message of options.open(cursor)) {
        cursor = options.cursorOf(message) || cursor;
        everOpen = true;
        brokenInARow = 0;
        yield message;
      }
    } catch (error) {
      if (signal.aborted && isPhotonError(error, "canceled")) return;
      if (!everOpen || !isPhotonError(error) || !(isPassing(error) || error.code === "deadline_exceeded")) throw error;
    }
    if (signal.aborted) return;
    await options.timing.sleep(backoffMs(brokenInARow + 1, options.timing.random), signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}
