// A wait that ends in time.
import type { Clock } from "../../../clock.ts";

/** Resolves when one of them does, or after so many milliseconds. @throws what the first of them throws. */
export async function atMost(
  clock: Clock,
  ms: number,
  ...work: readonly (Promise<unknown> | undefined)[]
): Promise<void> {
  const late = new AbortController();
  try {
    await Promise.race([...work, clock.sleep(Math.max(0, ms), late.signal)]);
  } finally {
    late.abort();
  }
}
