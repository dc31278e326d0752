// Slows down guessing, without a way to lock anybody out from elsewhere. Failures are counted in the store, so that servers share them: by who is
// tried from where, by where they come from, and by who is tried. The first two refuse for a while; the last only makes strangers wait, never
// those who come from where the principal has logged in before.
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Records } from "../../../store/store.ts";
import type { Caller } from "../../kind.ts";
import { createGate, type Gate } from "../credentials/gate.ts";
import { Counters } from "./login-counters.ts";
import { networkOf } from "./source-network.ts";

/** Wrong attempts on one principal from one place that cost nothing: a person mistypes. Each further one doubles a second's wait … */
const freeForPair = 5;
/** … up to this: at one guess in five minutes nobody finds a password. Milliseconds. */
const longestBackoffMs = 5 * 60_000;
/** From one network on whatever principals within `windowMs`: an office behind one address mistypes, too. */
const mostForNetwork = 200;
const windowMs = 5 * 60_000;
/** From anywhere on one principal within an hour, before strangers wait; each further so many double the wait. */
const freeForPrincipal = 20;
const firstWaitMs = 250;
const longestWaitMs = 5_000;
const hourMs = 3_600_000;
/** A place counts as known for so long after a login. */
const knownMs = 30 * 24 * hourMs;
/** Logins of one principal from one place that are checked at a time: more could slip through before the first of them is counted. */
const atOnceForPair = 10;
const waitingForPair = 500;
/** Strangers that wait at a time, so that they can't fill the memory. */
const mostWaiting = 1_000;

export interface LoginLimiter {
  /**
   * Runs a check of a credential: undefined is a failure, a value a success; what throws is neither.
   *
   * @throws Fault TOO_MANY_REQUESTS with the time to try again, or what the check throws.
   */
  attempt<T>(from: Attempt, principal: string, check: () => Promise<T | undefined>): Promise<T | undefined>;
}

/** The call that guesses. */
export type Attempt = Pick<Caller, "sourceIp" | "requestId" | "method">;

/** @param onRefused Told of what is refused unseen; it must not fail. */
export function createLoginLimiter(
  records: Records,
  clock: Clock,
  onRefused: (from: Attempt, principal: string) => Promise<void> = async () => undefined,
): LoginLimiter {
  const counters = new Counters(records, clock);
  const gates = new Map<string, { readonly gate: Gate; users: number }>();
  const stranger = createGate({ atOnce: mostWaiting, waiting: 0 });

  /** Where an attempt comes from: an address that is known by itself, any other by its network. */
  async function placeOf(sourceIp: string, principal: string) {
    const known = await counters.has("known", `${principal} ${sourceIp}`);
    return { known, place: known ? sourceIp : networkOf(sourceIp) };
  }

  async function refuseTooMany(place: string, network: string, principal: string): Promise<void> {
    const [pair, all] = await Promise.all([
      counters.get("pair", `${principal} ${place}`),
      counters.get("network", network),
    ]);
    const readyAt = Math.max(pair.at + backoffMs(pair.count), all.count >= mostForNetwork ? all.since + windowMs : 0);
    if (readyAt > clock.now()) throw tooMany(readyAt - clock.now());
  }

  async function slowDown(principal: string): Promise<void> {
    const { count } = await counters.get("principal", principal);
    const ms = waitMs(count);
    if (ms > 0) await stranger(() => clock.sleep(ms));
  }

  async function noteFailure(place: string, network: string, principal: string): Promise<void> {
    await counters.add("pair", `${principal} ${place}`, hourMs);
    await counters.add("network", network, windowMs);
    await counters.add("principal", principal, hourMs);
  }

  async function noteSuccess(place: string, sourceIp: string, principal: string, known: boolean): Promise<void> {
    await counters.clear("pair", `${principal} ${place}`);
    if (!known) await counters.add("known", `${principal} ${sourceIp}`, knownMs);
  }

  /** One gate for each pair that is being checked. */
  async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = gates.get(key) ?? { gate: createGate({ atOnce: atOnceForPair, waiting: waitingForPair }), users: 0 };
    gates.set(key, entry);
    entry.users += 1;
    try {
      return await entry.gate(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) gates.delete(key);
    }
  }

  return {
    async attempt(from, principal, check) {
      const { sourceIp } = from;
      const { known, place } = await placeOf(sourceIp, principal);
      const network = networkOf(sourceIp);
      return inTurn(`${principal} ${place}`, async () => {
        await refuseTooMany(place, network, principal).catch(async (refusal: unknown) => {
          await onRefused(from, principal);
          throw refusal;
        });
        if (!known) await slowDown(principal);
        const found = await check();
        if (found === undefined) await noteFailure(place, network, principal);
        else await noteSuccess(place, sourceIp, principal, known);
        return found;
      });
    },
  };
}

function backoffMs(failures: number): number {
  return failures < freeForPair ? 0 : Math.min(longestBackoffMs, 1_000 * 2 ** (failures - freeForPair));
}

function waitMs(failures: number): number {
  if (failures < freeForPrincipal) return 0;
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.floor((failures - freeForPrincipal) / freeForPrincipal));
}

function tooMany(ms: number): Fault {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  return new Fault("TOO_MANY_REQUESTS", `too many failed logins from this network; try again in ${seconds} seconds`, {
    retryAfterMs: seconds * 1_000,
  });
}
