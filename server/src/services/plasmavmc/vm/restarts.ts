// How a machine that ends again and again is started ever more slowly.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";

/** A machine that ran for so long, in milliseconds, works: what happens to it then has nothing to do with what happened before. */
const steadyMs = 10 * 60_000;
/** The first restart is made at once, the second after this, in milliseconds; each later one after twice as much. */
const firstDelayMs = 2_000;
/** The longest wait, in milliseconds: whoever has mended what was wrong should not wait for an hour. */
const longestDelayMs = 5 * 60_000;

/** How often it was started again since it last ran for long. */
export function restartsSoFar({ startTime, restarts }: Pick<Vm, "startTime" | "restarts">, now: number): number {
  return startTime !== undefined && now - timestampMs(startTime) >= steadyMs ? 0 : restarts;
}

/** How long to wait before it is started again, in milliseconds, after so many restarts. */
export function restartDelayMs(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (restarts - 1));
}
