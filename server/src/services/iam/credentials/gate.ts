// Bounds work that costs memory and CPU: so many at a time, so many waiting, the rest is refused.
import { Fault } from "../../../fault.ts";

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

export function createGate(options: { readonly atOnce: number; readonly waiting: number }): Gate {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= options.atOnce) {
      if (queue.length >= options.waiting)
        throw new Fault(
          "TOO_MANY_REQUESTS",
          "too many logins are being checked at the moment; try again in a few seconds",
        );
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
