// The store's contract: what the rest of the server may ask of it. SQLite and PostgreSQL stand behind it; the same suite runs on both.
// It knows no component and no protobuf: a resource is a key, a few columns and bytes.

/** Whose rows: an org and, in it, a project. "" stands for "none": the system is { org: "", project: "" }. */
export interface Tenant {
  readonly org: string;
  readonly project: string;
}

/** Names one resource. There is no way to name one without its tenant. */
export interface ResourceKey {
  readonly tenant: Tenant;
  /** The kind's full name: "prismnet.v1.Vpc". */
  readonly kind: string;
  readonly id: string;
}

/** "live" is what was asked for; "deleting" is a tombstone whose removal is under way. */
export type Phase = "live" | "deleting";

/** A resource as it is stored. */
export interface ResourceRow extends ResourceKey {
  readonly name: string;
  readonly phase: Phase;
  /** Counts the changes of what was asked for, from 1; the number behind the etag. */
  readonly version: number;
  /** What was asked for: the message's bytes. */
  readonly data: Uint8Array;
  /** What the engine observed: the bytes of the same message with its volatile outputs alone. */
  readonly observed: Uint8Array;
  /** What is never answered (a password's hash). */
  readonly secret: Uint8Array;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Takes a key in a space for its resource alone: a name in a project, an address in a subnet, a MAC. */
export interface Claim {
  readonly space: string;
  readonly key: string;
  /** True where the key was drawn, so that on a collision the transaction runs again and draws another. */
  readonly drawn?: boolean;
}

/** Says that the resource refers to another, which then can't be deleted. */
export interface Reference {
  /** The field's path: "subnet_id", for the error. */
  readonly path: string;
  readonly target: ResourceKey;
}

/**
 * Numbers by what they measure. A measure with a dot is a kind's full name: its resources are counted. Any other is a word that resources say
 * themselves, in their amounts, which are added up.
 */
export type Amounts = Readonly<Record<string, number>>;

/** The most that there may be of something. Tombstones count until they are removed. */
export interface Limit {
  /** Where it holds: the limiting resource's tenant, and every project of it where that is an org. */
  readonly scope: Tenant;
  readonly measure: string;
  readonly most: number;
}

export interface LimitUse extends Limit {
  /** Without what is asked for. */
  readonly used: number;
  /** By one transaction. */
  readonly asked: number;
}

/** Whether more is asked for than there may be; where it is not known yet how much, whether there may be anything more. */
export function isOver({ most, used, asked }: LimitUse): boolean {
  return asked === 0 ? used >= most : used + asked > most;
}

/** A resource to write, whole: its claims and references replace those that it had. */
export interface ResourceWrite extends ResourceKey {
  readonly name: string;
  readonly data: Uint8Array;
  readonly secret?: Uint8Array;
  readonly claims: readonly Claim[];
  readonly references: readonly Reference[];
  /** What it takes, of what is added up. */
  readonly amounts?: Amounts;
  /** What there may be at most in its tenant, by measure; of several the lowest counts. What is there beyond it stays, and nothing is added. */
  readonly limits?: Amounts;
}

/** What happened, in the words of chainfire.v1.EventType without the prefix, lower case. */
export type EventType =
  | "created"
  | "updated"
  | "deleting"
  | "deleted"
  | "observed"
  | "denied"
  | "login"
  | "login_failed"
  | "revoked"
  | "refreshed"
  | "accessed";

/** An event to append. */
export interface NewEvent {
  readonly type: EventType;
  readonly tenant: Tenant;
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  /** {kind}:{org}/{id}, or "engine". */
  readonly actor: string;
  readonly sourceIp: string;
  readonly requestId: string;
  readonly method: string;
  readonly permission: string;
  /** The session in which it was done; default "". */
  readonly sessionId?: string;
  /** How that session was begun; default "". */
  readonly credential?: string;
  /** What allowed or refused it, in a word; default "": it is not known. */
  readonly decidedBy?: string;
  /** How many of its sort it stands for; default 1. */
  readonly times?: number;
  /** The resource after it as the message's bytes, secrets cleared: data and observed, one after the other. */
  readonly resource: Uint8Array;
}

/** An event of the log. */
export interface StoredEvent extends Required<NewEvent> {
  /** Where it stands; opaque and, as a string, not to be compared. */
  readonly cursor: string;
  readonly time: number;
}

/** Work that waits to be done on one resource; there is at most one task for each. */
export interface Task {
  readonly key: ResourceKey;
  /** Counts the failures in a row. */
  readonly attempt: number;
  /** The step that it stands at; "" at the beginning. */
  readonly step: string;
  /** When it was first scheduled; deadlines count from here. */
  readonly since: number;
  /** Proves that the holder still has the lease. */
  readonly lease: string;
}

/** What becomes of a task. "done": gone, unless it was scheduled again meanwhile. "later": looked at again at a time, or when woken. */
export type TaskOutcome =
  | { readonly outcome: "done" }
  | { readonly outcome: "later"; readonly at: number; readonly attempt: number; readonly step: string };

/** An answer kept for an idempotency key. */
export interface Remembered {
  readonly requestHash: string;
  readonly answer: Uint8Array;
}

/** Everything that a request does to the store, in one transaction. Reads see the store as of before it. */
export interface Tx {
  /** Milliseconds since 1970, the same for the whole transaction. */
  readonly now: number;
  /** Reads a resource. The transaction runs again if the resource changes before it commits. */
  get(key: ResourceKey): Promise<ResourceRow | undefined>;
  list(query: ListQuery): Promise<readonly ResourceRow[]>;
  /** The claims of a space, by key, with their owners. Combine with `guard` where the decision depends on there being no others. */
  claims(space: string, limit?: number): Promise<readonly { readonly key: string; readonly owner: ResourceKey }[]>;
  /** Who refers to a resource. */
  referrers(key: ResourceKey, limit?: number): Promise<readonly ResourceKey[]>;
  /**
   * Makes transactions that guard the same name run one after the other: what they list after it is still true when they commit. Best called
   * before the lists that it protects; called after them, the closure runs once more.
   */
  guard(name: string): void;

  /** The limits that what was written so far comes under; those that don't change are left out. The transaction fails with OverLimit if one does not hold. */
  limitUses(): Promise<readonly LimitUse[]>;

  /** Adds a resource in phase "live", version 1. Fails with DuplicateId if its key exists. */
  create(write: ResourceWrite): void;
  /** Replaces what was asked for, version + 1. The row must have been read by `get` in this transaction; without `secret` the secret stays. */
  update(write: ResourceWrite): void;
  /** Replaces what was observed; the version stays. Does nothing where there is no such resource, as do `tombstone`, `remove` and `schedule`. */
  observe(key: ResourceKey, observed: Uint8Array): void;
  /** Replaces what a resource takes, whatever limits say: for what is only found out later. */
  measure(key: ResourceKey, amounts: Amounts): void;
  /** Turns a resource into a tombstone, version + 1. Fails with StillReferenced while others refer to it. */
  tombstone(key: ResourceKey): void;
  /** Removes a resource with its claims, references and task. Fails with StillReferenced while others refer to it. */
  remove(key: ResourceKey): void;
  append(event: NewEvent): void;
  /** Has the engine look at a resource, at once or at a time. */
  schedule(key: ResourceKey, at?: number): void;
  /** Ends or puts off a leased task. The transaction fails with LeaseLost if the lease is no longer the holder's. */
  settle(task: Task, outcome: TaskOutcome): void;
  /** Keeps an answer for an idempotency key, together with everything else or not at all; if the key is taken, the transaction fails with KeyTaken. */
  remember(scope: string, key: string, kept: Remembered, expiresAt: number): void;
}

/** Rows of one kind in tenants, in the order of (id, org, project). */
export interface ListQuery {
  readonly tenants: readonly Tenant[];
  readonly kind: string;
  /** Rows after this position. */
  readonly after?: { readonly id: string; readonly tenant: Tenant };
  readonly limit: number;
  readonly name?: string;
  readonly ids?: readonly string[];
}

/** A part of one kind's ids in one tenant, by where it begins. */
export interface IdsQuery {
  readonly tenant: Tenant;
  readonly kind: string;
  /** Ids before the first. */
  readonly skip: number;
  readonly limit: number;
}

/** Selects events. Without a tenant: all of them (the system's administrators and the engine). */
export interface EventQuery {
  /** An org with project "" selects the org with all its projects. */
  readonly tenant?: Tenant;
  readonly kind?: string;
  /** Any of them. */
  readonly kinds?: readonly string[];
  readonly id?: string;
  readonly types?: readonly EventType[];
  readonly actor?: string;
  readonly method?: string;
  /** Not before it, in milliseconds since 1970. */
  readonly since?: number;
  /** Before it, in milliseconds since 1970. */
  readonly until?: number;
  readonly limit: number;
}

/** Why a transaction could not commit. `reason` discriminates. */
export type StoreErrorReason =
  | { readonly reason: "claim_taken"; readonly claim: Claim; readonly by: ResourceKey; readonly owner: ResourceKey }
  | { readonly reason: "missing_reference"; readonly from: ResourceKey; readonly reference: Reference }
  | { readonly reason: "still_referenced"; readonly key: ResourceKey; readonly by: readonly ResourceKey[] }
  | { readonly reason: "duplicate_id"; readonly key: ResourceKey }
  | { readonly reason: "over_limit"; readonly use: LimitUse }
  | { readonly reason: "lease_lost"; readonly task: Task }
  | { readonly reason: "key_taken"; readonly scope: string; readonly key: string }
  | { readonly reason: "bad_cursor"; readonly cursor: string }
  | { readonly reason: "contended" }
  | { readonly reason: "closed" };

/** A transaction that did not commit; nothing of it was stored. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly detail: StoreErrorReason;
  constructor(detail: StoreErrorReason, options?: ErrorOptions) {
    super(`the store refused: ${detail.reason}`, options);
    this.detail = detail;
  }
}

/** The store. Every promise that resolves after a write means: durable. */
export interface Store {
  /**
   * Runs a closure as one transaction. The closure must do nothing but read and write through `tx`: it runs again when what it read has
   * changed meanwhile, or when a drawn claim was taken.
   *
   * @throws StoreError if it can't commit; whatever the closure throws, after which nothing is stored.
   */
  transact<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs such a closure once, on what is there now, and stores nothing. What it reads may be of two moments. @throws whatever the closure throws */
  rehearse<T>(run: (tx: Tx) => Promise<T>): Promise<T>;

  get(key: ResourceKey): Promise<ResourceRow | undefined>;
  list(query: ListQuery): Promise<readonly ResourceRow[]>;
  /** Ids in their order, and how many there are in all: from an index, without their rows. For those who page by number; `list` costs the same on every page. */
  ids(query: IdsQuery): Promise<{ readonly ids: readonly string[]; readonly total: number }>;
  referrers(key: ResourceKey, limit?: number): Promise<readonly ResourceKey[]>;
  /** Who has claimed a key: the port that an address belongs to. */
  holder(space: string, key: string): Promise<ResourceKey | undefined>;
  recall(scope: string, key: string): Promise<Remembered | undefined>;
  /** How much of each measure there is in an org with its projects, or in one project. */
  usage(scope: Tenant, measures: readonly string[]): Promise<Amounts>;
  /** Resources of a kind, whoever's, that do not say of all these measures how much they take: they were written before that was asked. */
  unmeasured(kind: string, measures: readonly string[], limit: number): Promise<readonly ResourceKey[]>;
  /** What holds in a tenant: its own limits and those of its org. */
  limits(tenant: Tenant): Promise<readonly Limit[]>;

  /**
   * Takes up to `limit` due tasks for `leaseMs`. Two callers, in whatever process, never hold the same task. A lease alone may be lost in a power
   * cut, which ends its holder as well.
   */
  lease(options: {
    readonly owner: string;
    readonly limit: number;
    readonly leaseMs: number;
    readonly kinds?: readonly string[];
  }): Promise<readonly Task[]>;
  /** Prolongs leases; answers those that are still held. */
  renew(tasks: readonly Task[], leaseMs: number): Promise<readonly Task[]>;
  /** When the next task falls due that nobody holds, in milliseconds since 1970; undefined: none. A lease counts as held until it has run out. */
  nextDue(): Promise<number | undefined>;
  /** Schedules every resource of a kind (a resync), spread over a time. Answers how many. */
  scheduleAll(kind: string, spreadMs: number): Promise<number>;

  /** The end of the log: everything after it is yet to come. "" is the beginning. On PostgreSQL it lies before transactions that are still running. */
  head(): Promise<string>;
  /**
   * Events after a cursor in the log's order, and the cursor up to which was looked: it also moves past events that were not selected. Misses
   * none, also under concurrent writers; on PostgreSQL an event shows once all transactions that began before its own have ended.
   *
   * @throws StoreError bad_cursor if no store of this kind gave it.
   */
  events(
    after: string,
    query: EventQuery,
  ): Promise<{ readonly events: readonly StoredEvent[]; readonly cursor: string }>;
  /** Calls back soon after events or tasks were committed, by this process or (where the database can tell) another. A hint that may be lost, never the log: poll besides. Answers how to stop. */
  onCommit(listener: () => void): () => void;

  /** Small keyed records of the server itself (signing keys, the session list): a compare-and-set map with expiry. */
  readonly records: Records;
  /** True when a write could be stored now. */
  healthy(): Promise<boolean>;
  close(): Promise<void>;
}

/** The server's own records, by space and key. */
export interface Records {
  get(space: string, key: string): Promise<ServerRecord | undefined>;
  list(space: string, prefix?: string): Promise<readonly (ServerRecord & { readonly key: string })[]>;
  /** Writes if the record's version is still `expected` (0: it must not exist). Answers whether it did. */
  put(
    space: string,
    key: string,
    value: Uint8Array,
    options: { readonly expected?: number; readonly expiresAt?: number },
  ): Promise<boolean>;
  delete(space: string, key: string): Promise<void>;
}

export interface ServerRecord {
  readonly value: Uint8Array;
  readonly version: number;
  readonly expiresAt: number | undefined;
}
