// What the edge is given: it reaches the rest of the server through these alone.
import type { Catalog } from "@photoncloud/proto";
import type { Clock } from "../clock.ts";
import type { Authenticator, Authorizer, ResourceCalls, ServiceHandlers } from "../services/call.ts";
import type { AuditEvent } from "../services/events/index.ts";
import type { ConsoleSessions } from "../services/plasmavmc/console/sessions.ts";
import type { Uploads } from "../services/plasmavmc/image/uploads.ts";
import type { TenantPages, WebHandler } from "../services/web.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface EdgeParts {
  readonly catalog: Catalog;
  readonly calls: ResourceCalls;
  readonly services: readonly ServiceHandlers[];
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Appends a refusal to the event log. */
  audit(event: AuditEvent): Promise<void>;
  /** Why the server can't take calls now; "" when it can. */
  notReady(): Promise<string>;
  /** The public keys that tokens are signed with (RFC 7517 section 5). */
  jwks(): Promise<unknown>;
  /** Calls that one principal may make on this server; left out, or 0: as many as it likes. */
  readonly callsPerSecond?: number;
  /** Serve /metrics on the main port, too. */
  readonly metricsHere: boolean;
  /** Left out: nothing can be uploaded. */
  readonly uploads?: Uploads;
  /** Answers what is no RPC: OAuth, OpenID Connect, SCIM. Left out: nothing does. */
  readonly web?: WebHandler;
  /** What belongs to projects and is no resource: Terraform's states. Left out: nothing does. */
  readonly tenantPages?: TenantPages;
  /** Left out: no WebSockets are served. */
  readonly consoles?: {
    readonly sessions: ConsoleSessions;
    /** Origins beside the server's own whose pages may connect. */
    readonly origins: readonly string[];
  };
}

/** The largest request body: 4 MiB, what gRPC clients and servers expect by default. */
export const maxBodyBytes = 4 * 1024 * 1024;
