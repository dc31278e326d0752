// Methods of the token service about sessions: one's own narrowed, and those of others.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { fieldsOf, validate } from "@photoncloud/proto";
import {
  AttenuateTokenRequestSchema,
  ListPrincipalSessionsRequestSchema,
  ListSessionsResponseSchema,
  RevokeSessionsRequestSchema,
  RevokeSessionsResponseSchema,
  SessionSchema,
  TokenLimitSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call } from "../../call.ts";
import type { TokenLimit } from "../../kind.ts";
import { refuse } from "../../resources/mutate.ts";
import { actionProblem } from "../policy/action.ts";
import { resourceProblem } from "../policy/resource-pattern.ts";
import type { Identity } from "../principal-name.ts";
import { principalKey } from "../principals.ts";
import { accessTokenMs, unauthenticated } from "./access-token.ts";
import type { SessionLife, Tokens } from "./session-life.ts";
import { ancestorsOf, type SessionRecord } from "./session-record.ts";
import type { Sessions } from "./sessions.ts";

export interface SessionMethodParts {
  readonly store: Pick<Store, "get">;
  readonly life: SessionLife;
  readonly sessions: Sessions;
}

/** @throws Fault MALFORMED_REQUEST, INVALID_FIELDS, UNAUTHENTICATED, WRONG_STATE */
export async function attenuate(parts: SessionMethodParts, request: Message, call: Call): Promise<Tokens> {
  if (!isMessage(request, AttenuateTokenRequestSchema)) throw malformed();
  refuse(validate(fieldsOf(AttenuateTokenRequestSchema), request));
  if (call.principal === undefined) throw unauthenticated();
  const { actions, resource, ttlSeconds } = request;
  for (const [index, action] of actions.entries()) refuseProblem(`actions[${index}]`, actionProblem(action));
  refuseProblem("resource", resourceProblem(resource));
  const limit: TokenLimit | undefined =
    actions.length === 0 && resource === ""
      ? undefined
      : { actions: actions.length === 0 ? ["*"] : actions, ...(resource !== "" && { resource }) };
  const ttlMs = ttlSeconds === undefined ? accessTokenMs : ttlSeconds * 1_000;
  return parts.life.narrow(call.principal, { limit, ttlMs }, call);
}

function refuseProblem(path: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalidField(path, "pattern", problem);
}

export async function listPrincipalSessions(parts: SessionMethodParts, request: Message): Promise<Message> {
  if (!isMessage(request, ListPrincipalSessionsRequestSchema)) throw malformed();
  const identity = await named(parts, request.orgId, request.principalId);
  return sessionsMessage(await parts.sessions.records.list(identity), "");
}

export async function revokeSessions(parts: SessionMethodParts, request: Message, call: Call): Promise<Message> {
  if (!isMessage(request, RevokeSessionsRequestSchema)) throw malformed();
  const identity = await named(parts, request.orgId, request.principalId);
  const { sessionId } = request;
  if (sessionId === "")
    return create(RevokeSessionsResponseSchema, { revoked: await parts.life.endAll(identity, call) });
  if ((await parts.sessions.records.get(identity, sessionId)) === undefined)
    throw new Fault("NOT_FOUND", `${request.principalId} has no session ${JSON.stringify(sessionId)}`);
  await parts.life.end(identity, sessionId, call);
  return create(RevokeSessionsResponseSchema, { revoked: 1 });
}

/** A principal of the org by its id alone. @throws Fault INVALID_FIELDS */
async function named({ store }: SessionMethodParts, org: string, id: string): Promise<Identity> {
  for (const kind of ["user", "service_account"] as const)
    if ((await store.get(principalKey({ kind, org, id }))) !== undefined) return { kind, org, id };
  throw invalidField(
    "principal_id",
    "unknown_reference",
    `there is no user or service account ${JSON.stringify(id)} in the org`,
  );
}

/** Those that have not ended, the newest first. */
export function sessionsMessage(sessions: readonly SessionRecord[], currentId: string): Message {
  const there = new Set(sessions.map(({ id }) => id));
  const good = sessions.filter(({ id }) => ancestorsOf(id).every((ancestor) => there.has(ancestor)));
  const shown = good.toSorted((a, b) => b.createdAt - a.createdAt).map((session) => shownSession(session, currentId));
  return create(ListSessionsResponseSchema, { sessions: shown });
}

function shownSession(session: SessionRecord, currentId: string) {
  return create(SessionSchema, {
    id: session.id,
    createTime: timestampFromMs(session.createdAt),
    expireTime: timestampFromMs(session.refreshUntil),
    sourceIp: session.sourceIp,
    current: session.id === currentId,
    method: session.credential.method,
    ...(session.mfaAt !== undefined && { secondFactorTime: timestampFromMs(session.mfaAt) }),
    limits: (session.limits ?? []).map(({ actions, resource = "" }) =>
      create(TokenLimitSchema, { actions: [...actions], resource }),
    ),
  });
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}
