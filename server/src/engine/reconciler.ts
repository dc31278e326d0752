// What a kind tells the engine: an ordered list of steps, each an `ensure` and a `remove`.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ResourceKey, Tenant } from "../store/store.ts";

/** What a step is given: the resource as it is now, and hands to work with. No event, no request, no randomness. */
export interface StepContext<Desc extends DescMessage, Drivers> {
  readonly key: ResourceKey;
  readonly id: string;
  /** What was asked for, with what was observed last. */
  readonly resource: MessageShape<Desc>;
  readonly version: number;
  /** Milliseconds since 1970, by the engine's clock. */
  readonly now: number;
  readonly drivers: Drivers;
  /** Reads a related resource of the same or an outer tenant, for instance the one that a reference names. Undefined: it is gone. */
  related<Other extends DescMessage>(schema: Other, id: string): Promise<MessageShape<Other> | undefined>;
  /**
   * Whether a live resource is there, in a tenant that need not be this one or above it (the other side of a peering): yes or no, and nothing
   * more of it. The slice answers for whom it asks about.
   */
  exists(tenant: Tenant, schema: DescMessage, id: string): Promise<boolean>;
  /** Sets volatile outputs (a VM's state); stored with the step's result. */
  observe(outputs: Partial<MessageShape<Desc>>): void;
  /** Aborts when the lease is lost or the server stops. */
  readonly signal: AbortSignal;
}

/** Not there yet: look again after `againMs` (or when woken); `reason` is what the tenant reads meanwhile. Not a failure. */
export interface NotYet {
  readonly againMs: number;
  readonly reason: string;
  readonly message: string;
  /** What was as asked for stays so meanwhile: it is worked on in ways that its users don't notice. Default: it is UPDATING. */
  readonly keepsReady?: boolean;
}

/** One thing in one backend. Both ways are idempotent: done twice they change nothing more. Throw to fail and be tried again. */
export interface Step<Desc extends DescMessage, Drivers> {
  readonly name: string;
  ensure(context: StepContext<Desc, Drivers>): Promise<NotYet | void>;
  remove(context: StepContext<Desc, Drivers>): Promise<NotYet | void>;
}

/** How the engine makes resources of one kind true. */
export interface Reconciler<Desc extends DescMessage, Drivers> {
  readonly schema: Desc;
  /** Create and update run `ensure` forward, delete runs `remove` backward. */
  readonly steps: readonly Step<Desc, Drivers>[];
  /** Reference fields whose targets need not be ready first; by default every reference is waited for. */
  readonly doesNotWaitFor?: readonly string[];
  /** Whether it is worked on now though references are not ready: what must be possible in any case. Default: never. */
  doesNotWaitWhile?(resource: MessageShape<Desc>): boolean;
  /** Its steps only wait for databases, and take nothing of a host: many run at the same time. Default false. */
  readonly light?: boolean;
  /** What the status names as the backend. */
  backend(drivers: Drivers): string;
  /** After this the operator is told; the work is never cancelled. Default 10 minutes. */
  readonly deadlineMs?: number;
  /** How often everything is looked at again, in case a backend drifted. Default 1 hour. */
  readonly resyncMs?: number;
}

/** A failure whose text a tenant may read. Other errors show as "BackendError" with a request to see the operator. */
export class StepError extends Error {
  override readonly name = "StepError";
  /** A stable word: "BackendUnavailable". */
  readonly reason: string;
  /** Another try would end as this one: the resource has failed at once, and is left until it is changed or all of its kind are looked at. */
  readonly final: boolean;
  constructor(reason: string, message: string, options: ErrorOptions & { readonly final?: boolean } = {}) {
    super(message, options);
    this.reason = reason;
    this.final = options.final ?? false;
  }
}
