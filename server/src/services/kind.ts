// What a vertical slice gives: a kind's admission rules, its reconciler and its methods beside the standard ones.
// One generic handler (rpc/) serves every kind by this; a slice never sees Connect or SQL.
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { Drivers } from "../backends/drivers.ts";
import type { HypervisorDriver } from "../backends/hypervisor/driver.ts";
import type { FlowSource } from "../backends/network/flow-source.ts";
import type { Reconciler } from "../engine/reconciler.ts";
import type { Claim, ResourceKey, Tenant } from "../store/store.ts";
import type { ResourcePath } from "./call.ts";
import type { NetworkPart } from "./network-part.ts";

/** What a token was narrowed to: it allows nothing else, whatever its principal may do. */
export interface TokenLimit {
  /** Action patterns: "compute:vms:*". */
  readonly actions: readonly string[];
  /** A resource pattern; undefined: every resource. */
  readonly resource?: string;
}

/** Who calls. */
export interface Principal {
  readonly kind: "user" | "service_account";
  readonly org: string;
  readonly id: string;
  /** The project that its token is for; "" for none. */
  readonly project: string;
  readonly sessionId: string;
  /** How the session was begun, for the log: "password+second_factor". */
  readonly credential?: string;
  /** Groups that the login brought, beside those that it is a stored member of: "group:acme-corp/operators". */
  readonly groups?: readonly string[];
  /** When it proved a second factor, in milliseconds since 1970; undefined: it did not in this session. */
  readonly mfaAt?: number;
  /** All of them hold. */
  readonly limits?: readonly TokenLimit[];
}

/** One call, as far as the services need to know it. */
export interface Caller {
  /** Undefined where the method is open to anyone, or when the cloud itself acts. */
  readonly principal: Principal | undefined;
  readonly sourceIp: string;
  readonly requestId: string;
  /** "prismnet.v1.VpcService/CreateVpc" */
  readonly method: string;
  /** What allowed or refused it, in a word, for the log: "binding-…". */
  readonly decidedBy?: string;
  /** Whether it holds a permission beside the one that the method takes. Undefined: the cloud itself acts, which may everything. */
  may?(permission: string, path: ResourcePath): Promise<boolean>;
}

/** A stored resource as its message, with what admission needs to know beside it. */
export interface Loaded<Desc extends DescMessage> {
  readonly tenant: Tenant;
  readonly id: string;
  readonly phase: "live" | "deleting";
  readonly version: number;
  readonly message: MessageShape<Desc>;
  readonly secret: Uint8Array;
}

/** The hands of admission, inside the transaction that accepts the request. It may run more than once. */
export interface Admission {
  readonly tenant: Tenant;
  readonly caller: Caller;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** A plan: nothing will be stored, and nothing outside of the transaction may be changed. */
  readonly planning: boolean;
  /** What the hypervisor says of itself; nothing is asked of it. */
  readonly hypervisor: Pick<HypervisorDriver, "cantRun">;
  /** Cryptographically random bytes; the only chance there is. */
  random(bytes: number): Uint8Array;
  /** Reads a resource of this tenant, or for kinds that live at any scope of the tenants above it. */
  get<Desc extends DescMessage>(schema: Desc, id: string): Promise<Loaded<Desc> | undefined>;
  /** As `get`, but fails with INVALID_FIELDS (rule "unknown_reference") on `path`, in the same words for a foreign id as for a missing one; also while the target is being deleted. */
  reference<Desc extends DescMessage>(schema: Desc, id: string, path: string): Promise<Loaded<Desc>>;
  /** As `reference`, in a tenant that need not be this one or above it (a binding's principal), and for a field that is not annotated as a reference: it is recorded, so that the target stays while this resource is there. The slice decides who may name a foreign tenant. */
  referenceIn<Desc extends DescMessage>(tenant: Tenant, schema: Desc, id: string, path: string): Promise<Loaded<Desc>>;
  /** Who refers to a resource of this tenant. */
  users(schema: DescMessage, id: string): Promise<readonly ResourceKey[]>;
  /** Those of many that are there, live or deleting: one reading of all. Unlike `get` it holds none of them: combine with `guard` where they must stay. */
  some<Desc extends DescMessage>(schema: Desc, ids: readonly string[]): Promise<readonly Loaded<Desc>[]>;
  /** All live and deleting resources of a kind in this tenant. */
  list<Desc extends DescMessage>(schema: Desc): Promise<readonly Loaded<Desc>[]>;
  /**
   * Takes a key for the resource being written; its claims of the version before are dropped unless taken again. A space that begins with a
   * field's path and a bar ("ip_address|subnet-…") has that path in the error when the key is taken: ALREADY_EXISTS, rule "unique".
   */
  claim(claim: Claim): void;
  /** Limits what there may be in this tenant, and where it is an org in all of its projects; those of the version before end unless set again. See Amounts in store.ts. */
  limit(measure: string, most: number): void;
  /** Which keys of a space are taken. */
  claimed(space: string): Promise<ReadonlySet<string>>;
  /** See Tx.guard. */
  guard(name: string): void;
  /** Keeps what is never answered (a password's hash). */
  keepSecret(secret: Uint8Array): void;
  /** Answers an output of behaviour ONCE with this create, and never again. */
  answerOnce(outputs: Record<string, unknown>): void;
  /**
   * Changes outputs of another resource of this tenant in the same transaction; the change is an event of its own. Volatile outputs leave its
   * version as it is; anything else is an update, which its own kind admits. A resource that is gone needs no change: nothing happens.
   */
  change<Desc extends DescMessage>(
    schema: Desc,
    id: string,
    change: (message: MessageShape<Desc>) => void,
  ): Promise<void>;
  /** Has the engine look again at another resource of this tenant, since what its steps read of others has changed. */
  wake(schema: DescMessage, id: string): Promise<void>;
  /** As `wake`, for everything that refers to a resource of this tenant. */
  wakeUsers(schema: DescMessage, id: string): Promise<void>;
  /**
   * Hands in a tenant that need not be this one or above it, for kinds with two sides (a peering). The slice answers for what it tells the
   * caller of what it reads there. Changes there are events of the cloud itself: who called is none of that tenant's business.
   */
  elsewhere(tenant: Tenant): Elsewhere;
}

/** See Admission.elsewhere. */
export type Elsewhere = Pick<Admission, "tenant" | "get" | "list" | "change" | "wakeUsers">;

/** A method beside the standard ones. Narrow the request with `isMessage(request, AttachDeviceRequestSchema)`. It names one resource by org_id, project_id and id, changes it, and answers it. */
export interface CustomMethod<Desc extends DescMessage> {
  /** Changes the message in place; what it leaves is admitted like any update. Throws a Fault to refuse. */
  update(message: MessageShape<Desc>, request: Message, admission: Admission): Promise<void>;
}

/** What a query may ask. */
export interface QueryContext {
  readonly caller: Caller;
  readonly drivers: Drivers;
  readonly flows: FlowSource;
  readonly signal: AbortSignal;
  /** Reads a resource of the caller's tenant, or for kinds that live at any scope of the tenants above it. */
  get<Desc extends DescMessage>(schema: Desc, id: string): Promise<Loaded<Desc> | undefined>;
}

/** A method that changes nothing. It names one resource by org_id, project_id and id, and answers a message of its own; the request has passed the value rules of its annotations. */
export interface QueryMethod<Desc extends DescMessage> {
  /** Throws a Fault to refuse; a driver's "missing" and "unavailable" are said to the caller. */
  answer(resource: Loaded<Desc>, request: Message, context: QueryContext): Promise<Message>;
}

/** What a change gives to somebody and takes from them, at a scope and below. */
export interface AccessEffect {
  /** "user:acme-corp/alice" */
  readonly principal: string;
  /** "org/acme-corp/project/alpha"; "" is the system. */
  readonly scope: string;
  readonly gives: readonly string[];
  readonly takes: readonly string[];
}

/** A kind's slice. All hooks are optional: without them a kind is stored, referenced, listed and watched by its annotations alone. */
export interface KindDefinition<Desc extends DescMessage = DescMessage> {
  readonly schema: Desc;
  /** Where names must be unique; default "tenant". "none": names are for people. */
  readonly uniqueName?: "tenant" | "none";
  /** Runs after the value rules, before storing: fills SERVER_DEFAULT fields and outputs in place, claims, checks. Throws a Fault to refuse. */
  admit?(admission: Admission, next: MessageShape<Desc>, prior: Loaded<Desc> | undefined): Promise<void>;
  /** Runs before the tombstone. References by others are checked by the store. Throws a Fault to refuse. */
  admitDelete?(admission: Admission, resource: Loaded<Desc>): Promise<void>;
  /** Runs in the transaction that removes the row: frees what the resource held in other resources. */
  released?(admission: Admission, resource: Loaded<Desc>): Promise<void>;
  /** What an update of one field does to what runs; default "hot". Immutable fields are "replace" by their annotation. */
  impact?(
    path: string,
    prior: MessageShape<Desc>,
    next: MessageShape<Desc>,
    drivers: Drivers,
  ): "hot" | "restart" | "data_loss";
  /** Runs after a plan was admitted, outside of its transaction: says what else stands in the way that only drivers know. Throws a Fault to refuse. */
  foresee?(next: MessageShape<Desc>, prior: MessageShape<Desc> | undefined, context: QueryContext): Promise<void>;
  /** Runs where a plan finds that an update needs a new resource, which takes this one's place. Throws a Fault to refuse. */
  admitReplace?(prior: MessageShape<Desc>): void;
  /** Tells, in a plan, who may do more or less after it; `next` undefined: after a deletion. What the caller does not know yet is out of reach, as in admission. */
  access?(
    tenant: Tenant,
    next: MessageShape<Desc> | undefined,
    prior: MessageShape<Desc> | undefined,
  ): Promise<readonly AccessEffect[]>;
  /** By the method's name: "StartVm". */
  readonly methods?: Readonly<Record<string, CustomMethod<Desc>>>;
  /** By the method's name: "AnalyzePath". */
  readonly queries?: Readonly<Record<string, QueryMethod<Desc>>>;
  /** Makes it true. Without one the resource is ready when it is stored and gone when it is deleted. */
  readonly reconciler?: Reconciler<Desc, Drivers>;
  /** What it is in the network, so that the backend can be compared with what is stored. */
  readonly network?: NetworkPart<Desc>;
}

/** Keeps a definition's type while it is checked. */
export function defineKind<Desc extends DescMessage>(definition: KindDefinition<Desc>): KindDefinition<Desc> {
  return definition;
}
