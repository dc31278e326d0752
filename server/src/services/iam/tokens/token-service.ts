// iam.v1.IamTokenService: gives out tokens and takes them back.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  IamTokenService,
  IssueTokenRequestSchema,
  IssueTokenResponseSchema,
  ListSessionsResponseSchema,
  PrincipalKind,
  type Principal as PrincipalMessage,
  PrincipalSchema,
  RefreshTokenRequestSchema,
  type RevokeTokenRequest,
  RevokeTokenRequestSchema,
  RevokeTokenResponseSchema,
  SessionSchema,
  ValidateTokenRequestSchema,
  ValidateTokenResponseSchema,
  WhoAmIResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ServiceHandlers } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { principalKey, principalState } from "../principals.ts";
import type { AccessTokens, Claims } from "./access-token.ts";
import { unauthenticated } from "./access-token.ts";
import type { Login } from "./login.ts";
import { parseRefreshToken } from "./refresh-token.ts";
import type { SessionLife, Tokens } from "./session-life.ts";
import type { Sessions } from "./sessions.ts";

export interface TokenServiceParts {
  readonly store: Store;
  readonly login: Login;
  readonly life: SessionLife;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
}

export function tokenService(parts: TokenServiceParts): ServiceHandlers {
  return {
    service: IamTokenService,
    methods: {
      IssueToken: async (request, call) => {
        if (!isMessage(request, IssueTokenRequestSchema)) throw malformed();
        const loggedIn = await parts.login.check(request, call);
        return tokensMessage(await parts.life.begin({ ...loggedIn, project: request.projectId }, call));
      },
      ValidateToken: (request) => validate(parts, request),
      RefreshToken: async (request, call) => {
        if (!isMessage(request, RefreshTokenRequestSchema)) throw malformed();
        return tokensMessage(await parts.life.refresh(request.refreshToken, call));
      },
      RevokeToken: async (request, call) => {
        if (!isMessage(request, RevokeTokenRequestSchema)) throw malformed();
        await revoke(parts, request, call);
        return create(RevokeTokenResponseSchema);
      },
      ListSessions: (_, call) => listSessions(parts, callerOf(call)),
      WhoAmI: (_, call) => whoAmI(parts, call),
    },
  };
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}

function callerOf(call: Call): Principal {
  if (call.principal === undefined) throw unauthenticated();
  return call.principal;
}

/** The answer of a login, whoever served it. */
export function tokensMessage(tokens: Tokens): Message {
  return create(IssueTokenResponseSchema, {
    token: tokens.token,
    expireTime: timestampFromMs(tokens.expiresAt),
    ...(tokens.refreshToken !== "" && {
      refreshToken: tokens.refreshToken,
      refreshExpireTime: timestampFromMs(tokens.refreshExpiresAt),
    }),
  });
}

/** Whose a token is, if it and its session are good. */
async function goodClaims(parts: TokenServiceParts, token: string): Promise<Claims | undefined> {
  try {
    const claims = await parts.accessTokens.verify(token);
    await parts.sessions.check(claims.principal);
    return claims;
  } catch (error) {
    if (error instanceof Fault && error.reason === "UNAUTHENTICATED") return undefined;
    throw error;
  }
}

async function validate(parts: TokenServiceParts, request: Message): Promise<Message> {
  if (!isMessage(request, ValidateTokenRequestSchema)) throw malformed();
  const claims = await goodClaims(parts, request.token);
  if (claims === undefined) return create(ValidateTokenResponseSchema, { valid: false });
  const principal = await describe(parts, claims.principal);
  return create(ValidateTokenResponseSchema, { valid: true, principal, expireTime: timestampFromMs(claims.expiresAt) });
}

async function describe(parts: TokenServiceParts, principal: Principal): Promise<PrincipalMessage> {
  const row = await parts.store.get(principalKey(principal));
  return create(PrincipalSchema, {
    id: principal.id,
    kind: principal.kind === "user" ? PrincipalKind.USER : PrincipalKind.SERVICE_ACCOUNT,
    orgId: principal.org,
    projectId: principal.project,
    name: row === undefined ? "" : principalState(principal.kind, row).name,
  });
}

/** Who holds a token may end its session (RFC 7009). A token that is not good any more is as good as revoked. */
async function revoke(parts: TokenServiceParts, request: RevokeTokenRequest, call: Call): Promise<void> {
  const caller = callerOf(call);
  if (request.sessionId !== "") return revokeOwn(parts, caller, request.sessionId, call);
  if (request.token === "") return parts.life.end(caller, caller.sessionId, call);
  const refresh = parseRefreshToken(request.token);
  if (refresh !== undefined) {
    const kept = await parts.sessions.records.get(refresh.identity, refresh.sessionId);
    if (kept?.session.refreshHash === refresh.hash) await parts.life.end(refresh.identity, refresh.sessionId, call);
    return;
  }
  const claims = await goodClaims(parts, request.token);
  if (claims !== undefined) await parts.life.end(claims.principal, claims.principal.sessionId, call);
}

async function revokeOwn(parts: TokenServiceParts, caller: Principal, id: string, call: Call): Promise<void> {
  const kept = await parts.sessions.records.get(caller, id);
  if (kept === undefined) throw new Fault("NOT_FOUND", `session ${JSON.stringify(id)} was not found among your own`);
  await parts.life.end(caller, id, call);
}

async function listSessions(parts: TokenServiceParts, caller: Principal): Promise<Message> {
  const sessions = await parts.sessions.records.list(caller);
  return create(ListSessionsResponseSchema, {
    sessions: sessions
      .toSorted((a, b) => b.createdAt - a.createdAt)
      .map((session) =>
        create(SessionSchema, {
          id: session.id,
          createTime: timestampFromMs(session.createdAt),
          expireTime: timestampFromMs(session.refreshUntil),
          sourceIp: session.sourceIp,
          current: session.id === caller.sessionId,
        }),
      ),
  });
}

async function whoAmI(parts: TokenServiceParts, call: Call): Promise<Message> {
  const caller = callerOf(call);
  const { expiresAt } = await parts.accessTokens.verify(call.token);
  const principal = await describe(parts, caller);
  return create(WhoAmIResponseSchema, {
    principal,
    sessionId: caller.sessionId,
    expireTime: timestampFromMs(expiresAt),
  });
}
