// How many logins may be begun from one place: each is kept for ten minutes, and nobody has proved anything yet.
import type { Clock } from "../../../../clock.ts";
import { OAuthError } from "./error.ts";

/** So many at once: an office behind one address comes to work … */
const burst = 60;
/** … and one more in each of these milliseconds. */
const refillMs = 1_000;
/** Places that are remembered; the one that came longest ago is forgotten first. */
const mostPlaces = 10_000;

/** @throws OAuthError temporarily_unavailable, from the function, when a place has begun too many. */
export function createBeginBudget(clock: Clock): (sourceIp: string) => void {
  const spent = new Map<string, { readonly level: number; readonly at: number }>();
  return (sourceIp) => {
    const now = clock.now();
    const last = spent.get(sourceIp) ?? { level: 0, at: now };
    const level = Math.max(0, last.level - (now - last.at) / refillMs);
    if (level + 1 > burst)
      throw new OAuthError("temporarily_unavailable", "too many logins are begun from this address");
    spent.delete(sourceIp);
    spent.set(sourceIp, { level: level + 1, at: now });
    const oldest = spent.size > mostPlaces ? spent.keys().next().value : undefined;
    if (oldest !== undefined) spent.delete(oldest);
  };
}
