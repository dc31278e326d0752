// Requests that are no RPC, as the services see them: standards that name their own paths and forms (OAuth, OpenID Connect, SCIM).
import type { Readable } from "node:stream";
import type { Kind, StandardVerb } from "@photoncloud/proto";
import type { Tenant } from "../store/store.ts";
import type { Principal } from "./kind.ts";

export interface WebRequest {
  readonly method: string;
  /** Path and query; the host is of no meaning. */
  readonly url: URL;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly sourceIp: string;
  readonly requestId: string;
  /** The bearer token; "" for none. */
  readonly token: string;
  readonly signal: AbortSignal;
  /**
   * Does some work in the name of whose token it is, if they may do this with that kind, which lives in an org; id "": with none in particular.
   * What the work itself refuses is an event, too.
   *
   * @throws Fault UNAUTHENTICATED, PERMISSION_DENIED
   */
  permit<T>(kind: Kind, verb: StandardVerb, org: string, id: string, work: PermittedWork<T>): Promise<T>;
  /** The same request as if it had come with another bearer token. */
  as(token: string): WebRequest;
}

/** A request about something of a project that is no resource; its body is read once it is known that its sender may send one. */
export interface TenantRequest
  extends Pick<WebRequest, "method" | "url" | "headers" | "sourceIp" | "requestId" | "signal"> {
  /** The body, up to a size. @throws Fault REQUEST_TOO_LARGE */
  read(mostBytes: number): Promise<string>;
  /** Does some work in the name of whose token it is, if they may. @throws Fault UNAUTHENTICATED, PERMISSION_DENIED */
  permit<T>(asked: TenantAsked, work: (principal: Principal, decidedBy: string) => Promise<T>): Promise<T>;
}

/** What somebody wants to do in a project. */
export interface TenantAsked {
  readonly token: string;
  readonly permission: string;
  /** What the log calls it. */
  readonly method: string;
  readonly tenant: Tenant;
  readonly type: string;
  readonly id: string;
}

/** Answers everything whose path begins so. */
export interface TenantPages {
  readonly prefix: string;
  readonly handle: (request: TenantRequest) => Promise<WebAnswer>;
}

/** `decidedBy`: what allowed it, in a word. */
export type PermittedWork<T> = (principal: Principal, decidedBy: string) => Promise<T>;

export interface WebAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is read until its end, or destroyed with the connection. */
  readonly body: string | Readable;
}

/** Answers what it knows the path of; undefined: not one of its own. */
export type WebHandler = (request: WebRequest) => Promise<WebAnswer> | undefined;

/** JSON that no cache keeps. */
export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}

/** What the first of several answers. */
export function firstOf(handlers: readonly WebHandler[]): WebHandler {
  return (request) => {
    for (const handle of handlers) {
      const answer = handle(request);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
}
