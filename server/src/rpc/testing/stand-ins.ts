// An edge over stand-ins, for the edge's own tests: VPCs in a map, tokens that are names, everything allowed in one's own org.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import { IamTokenService, IssueTokenResponseSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import type { DeleteRequest, GetRequest, WatchRequest } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { type Vpc, VpcSchema, WatchVpcsResponseSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { systemClock } from "../../clock.ts";
import { Fault } from "../../fault.ts";
import type { Authenticator, Authorizer, Call, ResourceCalls } from "../../services/call.ts";
import type { AuditEvent } from "../../services/events/index.ts";
import { createEdge, createLog, createMetrics, type Edge, type EdgeParts, type Listener, listen } from "../index.ts";

export interface StandIns {
  readonly url: string;
  readonly edge: Edge;
  readonly listener: Listener;
  readonly events: AuditEvent[];
  readonly calls: Call[];
  /** Resolves when the first call has come to a service. */
  readonly called: Promise<void>;
  /** Ends the sessions of a principal. */
  revoke(token: string): void;
  close(): Promise<void>;
}

/** Tokens are "{org}/{principal}". */
function authenticatorOf(revoked: Map<string, () => void>): Authenticator {
  const gone = new Set<string>();
  return {
    authenticate(token) {
      const [org = "", id = ""] = token.split("/");
      if (id === "" || gone.has(token)) throw new Fault("UNAUTHENTICATED", "the token is not valid; log in again");
      return Promise.resolve({ kind: "user", org, id, project: "", sessionId: token });
    },
    async recheck({ sessionId }) {
      if (gone.has(sessionId)) throw new Fault("UNAUTHENTICATED", "the session has ended; log in again");
    },
    revoked(principal, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const before = revoked.get(principal.sessionId);
      revoked.set(principal.sessionId, () => {
        gone.add(principal.sessionId);
        before?.();
        resolve();
      });
      signal.addEventListener("abort", () => resolve());
      return promise;
    },
  };
}

const ownOrg: Authorizer = {
  authorize: (principal, _permission, path) =>
    Promise.resolve({
      allowed: path.org === principal.org,
      explanation: "",
      roleId: "",
      roleBindingId: "",
    }),
};

async function* watchVpcs(request: WatchRequest, call: Call): AsyncGenerator<Message> {
  yield create(WatchVpcsResponseSchema, { cursor: `after ${request.cursor}` });
  const { promise, resolve } = Promise.withResolvers<void>();
  call.signal.addEventListener("abort", () => resolve());
  await promise;
}

function callsOf(kept: Call[], tellCalled: () => void): ResourceCalls {
  const rows = new Map<string, Vpc>();
  return {
    async unary(_kind, verb, request, call) {
      kept.push(call);
      call.reached?.("accepted");
      tellCalled();
      if (verb === "create" && isMessage(request, VpcSchema)) {
        if (request.name === "explode") throw new Error("a secret of the inside");
        if (request.name === "slow") await systemClock.sleep(60_000, call.signal);
        const vpc = create(VpcSchema, { ...request, id: `vpc-${rows.size + 1}` });
        rows.set(vpc.id, vpc);
        return vpc;
      }
      const { id } = request as unknown as GetRequest | DeleteRequest;
      const found = rows.get(id);
      if (found === undefined) throw new Fault("NOT_FOUND", `no vpc ${id}`);
      return found;
    },
    custom: () => Promise.reject(new Fault("WRONG_STATE", "not now")),
    watch: (_kind, request, call) => watchVpcs(request as unknown as WatchRequest, call),
    attributes: () => Promise.resolve({}),
    again: () => Promise.resolve(),
  };
}

export async function startStandIns(change: Partial<EdgeParts> = {}): Promise<StandIns> {
  const events: AuditEvent[] = [];
  const calls: Call[] = [];
  const sessions = new Map<string, () => void>();
  const called = Promise.withResolvers<void>();
  const edge = createEdge({
    catalog: catalog(),
    calls: callsOf(calls, called.resolve),
    services: [
      {
        service: IamTokenService,
        methods: {
          IssueToken: (_, call) =>
            Promise.resolve(create(IssueTokenResponseSchema, { token: call.principal?.id ?? "nobody" })),
        },
      },
    ],
    authenticator: authenticatorOf(sessions),
    authorizer: ownOrg,
    clock: systemClock,
    log: createLog("silent"),
    metrics: createMetrics({ process: false }),
    audit: async (event) => void events.push(event),
    notReady: () => Promise.resolve(""),
    jwks: () => Promise.resolve({ keys: [] }),
    metricsHere: true,
    ...change,
  });
  const listener = await listen(edge.handle, { host: "127.0.0.1", port: 0 });
  return {
    url: listener.url,
    edge,
    listener,
    events,
    calls,
    called: called.promise,
    revoke: (token) => sessions.get(token)?.(),
    async close() {
      await edge.close();
      await listener.close();
    },
  };
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Calls a method as curl would: JSON over HTTP/1.1. */
export async function postJson(
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonAnswer> {
  const response = await fetch(`${url}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
}

/** The ErrorInfo of an answer in JSON. */
export function errorInfo(answer: JsonAnswer): Readonly<Record<string, unknown>> {
  const [detail] = Array.isArray(answer.body.details) ? answer.body.details : [];
  return detail?.debug ?? {};
}
