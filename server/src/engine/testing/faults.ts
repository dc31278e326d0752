// Makes any driver fail, hang or dawdle on demand, without touching it.

/** What befalls a call. */
export type Fault =
  /** The call fails before it had any effect. */
  | { readonly fault: "fail"; readonly error?: Error }
  /** The call takes effect, but the caller learns of a failure: the answer was lost, or the process died after it. */
  | { readonly fault: "lost_answer"; readonly error?: Error }
  /** The call begins when this resolves: a delay under the test's control. */
  | { readonly fault: "delay"; readonly until: Promise<unknown> }
  /** The call does nothing until its AbortSignal argument aborts, then fails; without such an argument it hangs for good. */
  | { readonly fault: "hang" };

/** One call of a driver, as a plan sees it. */
export interface DriverCall {
  readonly method: string;
  /** Counts this method's calls, from 1. */
  readonly nth: number;
  /** Counts all calls under the plan, from 1. */
  readonly overall: number;
  readonly args: readonly unknown[];
}

/** Decides what befalls each call; undefined: nothing. */
export type FaultPlan = (call: DriverCall) => Fault | undefined;

/** The `nth` call of one method. */
export function onCall(method: string, nth: number, fault: Fault): FaultPlan {
  return (call) => (call.method === method && call.nth === nth ? fault : undefined);
}

/** Every call of one method while `active` says so. */
export function whenever(method: string, active: () => boolean, fault: Fault): FaultPlan {
  return (call) => (call.method === method && active() ? fault : undefined);
}

/** The error of a fault that names none. */
export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

/** Wraps a driver, so that its methods meet the plan's faults; everything else is the driver's own. Methods that answer no promise pass unharmed. */
export function withFaults<Driver extends object>(driver: Driver, plan: FaultPlan): Driver {
  const counter = new CallCounter();
  return new Proxy(driver, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const fault = synchronous.has(String(property)) ? undefined : plan(counter.count(String(property), args));
        const call = (): unknown => Reflect.apply(value, target, args);
        return fault === undefined ? call() : suffer(fault, call, args);
      };
    },
  });
}

/** Wraps every driver of a record of drivers; the plan sees the calls of all of them, its methods named "{role}.{method}". */
export function withFaultsEverywhere<Drivers extends object>(drivers: Drivers, plan: FaultPlan): Drivers {
  const counter = new CallCounter();
  const wrapped = Object.entries(drivers).map(([role, driver]: [string, unknown]) => {
    if (typeof driver !== "object" || driver === null) return [role, driver];
    return [role, withFaults(driver, (call) => plan(counter.count(`${role}.${call.method}`, call.args)))];
  });
  return Object.assign(Object.create(Object.getPrototypeOf(drivers)), Object.fromEntries(wrapped));
}

/** Listeners are registered at once and answer how to stop: there is nothing to fail. */
const synchronous = new Set(["onChange"]);

class CallCounter {
  #overall = 0;
  readonly #byMethod = new Map<string, number>();

  count(method: string, args: readonly unknown[]): DriverCall {
    const nth = (this.#byMethod.get(method) ?? 0) + 1;
    this.#byMethod.set(method, nth);
    this.#overall += 1;
    return { method, nth, overall: this.#overall, args };
  }
}

async function suffer(fault: Fault, call: () => unknown, args: readonly unknown[]): Promise<unknown> {
  switch (fault.fault) {
    case "fail":
      throw fault.error ?? new InjectedFault("the call failed before it had any effect, as planned");
    case "lost_answer":
      await call();
      throw fault.error ?? new InjectedFault("the call's answer was lost, as planned");
    case "delay":
      await fault.until;
      return await call();
    case "hang":
      return await hang(args.find((arg) => arg instanceof AbortSignal));
  }
}

function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new InjectedFault("the call hung until it was aborted, as planned"));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
