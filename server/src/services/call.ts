// One call as it goes from the edge to the services, and what the edge asks them: who is it, may they, do it.
import type { DescService, Message } from "@bufbuild/protobuf";
import type { Kind, Method, StandardVerb } from "@photoncloud/proto";
import type { Tenant } from "../store/store.ts";
import type { Caller, Principal } from "./kind.ts";
import type { Receipt } from "./receipt.ts";

/** A call with its terms. */
export interface Call extends Caller {
  /** "" for none. */
  readonly idempotencyKey: string;
  /** How long a mutation's answer may be held back (header photon-wait-ms); 0: not at all. */
  readonly waitMs: number;
  /** Until when it is held back (header photon-wait). Default "settled". */
  readonly wait?: Receipt;
  /** Is told how far a mutation has come, each time that it has come further (header photon-receipt). */
  reached?(receipt: Receipt): void;
  /** Whether an update may destroy data that nothing brings back (header photon-allow-data-loss). Default: it is refused. */
  readonly allowsDataLoss?: boolean;
  readonly signal: AbortSignal;
  /** The bearer token as it was sent, for the methods that speak of the caller's own session; "" for none. */
  readonly token: string;
}

/** The standard and custom methods of every kind. Permission is checked before; the tenant is checked by the store. */
export interface ResourceCalls {
  unary(kind: Kind, verb: Exclude<StandardVerb, "watch">, request: Message, call: Call): Promise<Message>;
  custom(kind: Kind, method: Method, request: Message, call: Call): Promise<Message>;
  watch(kind: Kind, request: Message, call: Call): AsyncIterable<Message>;
  /** What conditions see as `resource.{name}`: owner, name, labels and the kind's own attributes; {} for what does not exist. */
  attributes(kind: Kind, tenant: Tenant, id: string): Promise<Readonly<Record<string, string>>>;
  /** In the cloud's own name: admits a resource as it is, and stores anew what follows from that, as its claims. Does nothing where it is not live. */
  again(kind: Kind, tenant: Tenant, id: string): Promise<void>;
}

/** A service that is not a kind's: tokens, authorization, events. */
export interface ServiceHandlers {
  readonly service: DescService;
  /** The resource that a request speaks of; left out: the scope that it names. */
  about?(request: Message): { readonly kind: Kind; readonly id: string };
  /** By method name ("IssueToken"); a server stream answers an AsyncIterable. */
  readonly methods: Readonly<
    Record<string, (request: Message, call: Call) => Promise<Message> | AsyncIterable<Message>>
  >;
}

/** What a permission is asked for. A scope itself has type and id "". */
export interface ResourcePath {
  readonly org: string;
  readonly project: string;
  /** The kind's noun: "vm". */
  readonly type: string;
  readonly id: string;
}

/** org/{org}/project/{project}/{type}/{id}; parts that are empty at the end are left out. */
export function formatPath(path: ResourcePath): string {
  const parts = [];
  if (path.org !== "") parts.push("org", path.org);
  if (path.project !== "") parts.push("project", path.project);
  if (path.type !== "") parts.push(path.type);
  if (path.id !== "") parts.push(path.id);
  return parts.join("/");
}

export interface Decision {
  readonly allowed: boolean;
  /** A sentence: which role and binding decided, or why nothing allowed it. */
  readonly explanation: string;
  readonly roleId: string;
  readonly roleBindingId: string;
  /** The guardrail that denied. */
  readonly guardrailId?: string;
  /** In a word, where it was no role that decided: "limit", "boundary", "project", "nothing". */
  readonly by?: string;
  /** Of a decision that is made once for many calls: the day (since 1970) on which its use was last noted. */
  readonly use?: { day: number };
}

/** What decided, in a word, for the log: "role_binding:binding-…", "guardrail:no-deletes", "boundary", "limit", "nothing". */
export function deciderOf({ roleBindingId, guardrailId = "", by = "" }: Decision): string {
  if (roleBindingId !== "") return `role_binding:${roleBindingId}`;
  return guardrailId === "" ? by : `guardrail:${guardrailId}`;
}

/** Tells whose a token is. */
export interface Authenticator {
  /** @throws Fault UNAUTHENTICATED, in the same words whatever is wrong with the token. */
  authenticate(token: string): Promise<Principal>;
  /** Who signed in with a token that is no longer good, for the log alone: undefined for one that was never ours. */
  whose?(token: string): Promise<Principal | undefined>;
  /** Whether the session of a principal that authenticated before is still good. @throws Fault UNAUTHENTICATED if it has ended. */
  recheck(principal: Principal): Promise<void>;
  /** Resolves when the principal's session is revoked or the principal is disabled; open streams end then. */
  revoked(principal: Principal, signal: AbortSignal): Promise<void>;
  /** Whether this server has just changed the principal or its credentials: then nothing is believed that was found before. */
  changing?(principal: Principal): boolean;
}

/** Tells who may do what. */
export interface Authorizer {
  authorize(
    principal: Principal,
    permission: string,
    path: ResourcePath,
    context: {
      readonly sourceIp: string;
      readonly attributes: () => Promise<Readonly<Record<string, string>>>;
      /** The method that is called, where the decision is for a call and not only asked for: then the use of the permission is noted. */
      readonly method?: string;
    },
  ): Promise<Decision>;
}

/** Whether a caller holds a permission beside the one that its method takes. If so, that counts as used: who only asks for it (TestPermissions) uses nothing. */
export async function mayAlso(
  authorizer: Authorizer,
  { principal, sourceIp, method }: Pick<Caller, "principal" | "sourceIp" | "method">,
  permission: string,
  path: ResourcePath,
): Promise<boolean> {
  if (principal === undefined) return false;
  const context = { sourceIp, attributes: async () => ({}), method };
  return (await authorizer.authorize(principal, permission, path, context)).allowed;
}
