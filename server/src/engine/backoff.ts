// How long to wait after failures: exponential, with full jitter, so that a thousand tasks that failed together do not come back together.

/** The first ceiling: about what a backend takes to restart a connection. */
const baseMs = 200;
/** The last ceiling: an operator who mended something sees it taken up within a minute. */
const capMs = 60_000;

/**
 * Milliseconds to wait before the next try.
 *
 * @param failures how many failures in a row there were, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 16));
  return Math.ceil(random() * ceiling);
}
