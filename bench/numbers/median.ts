// The middle of what was measured in some rounds: one that a machine was busy in does not count.

/** Of an even number of values the upper of the two; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
