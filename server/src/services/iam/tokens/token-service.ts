// iam.v1.IamTokenService: gives out tokens and takes them back.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  IamTokenService,
  IssueTokenRequestSchema,
  IssueTokenResponseSchema,
  OpenBreakGlassRequestSchema,
  PrincipalKind,
  type Principal as PrincipalMessage,
  PrincipalSchema,
  RefreshTokenRequestSchema,
  type RevokeTokenRequest,
  RevokeTokenRequestSchema,
  RevokeTokenResponseSchema,
  ValidateTokenRequestSchema,
  ValidateTokenResponseSchema,
  WhoAmIResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { Fault } from "../../../fault.ts";
import type { Call, ServiceHandlers } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { type OpenGlassParts, openBreakGlass } from "../break-glass/open.ts";
import { principalKey, principalState } from "../principals.ts";
import { type AccessTokens, accessTokenMs, type Claims, unauthenticated } from "./access-token.ts";
import type { Login } from "./login.ts";
import { enrollingOnly, refuseNarrowed } from "./narrowed.ts";
import { parseRefreshToken } from "./refresh-token.ts";
import type { Tokens } from "./session-life.ts";
import { attenuate, listPrincipalSessions, revokeSessions, sessionsMessage } from "./session-methods.ts";
import { isWithin } from "./session-record.ts";
import type { Sessions } from "./sessions.ts";

export interface TokenServiceParts extends OpenGlassParts {
  readonly login: Login;
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
        const mustEnroll = loggedIn.limits === enrollingOnly;
        const terms = mustEnroll ? { ttlMs: accessTokenMs, refreshable: false } : {};
        const start = { ...loggedIn, ...terms, project: request.projectId };
        return tokensMessage(await parts.life.begin(start, call), mustEnroll);
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
      ListSessions: async (_, call) => {
        const caller = callerOf(call);
        return sessionsMessage(await parts.sessions.records.list(caller), caller.sessionId);
      },
      AttenuateToken: async (request, call) => tokensMessage(await attenuate(parts, request, call)),
      ListPrincipalSessions: (request) => listPrincipalSessions(parts, request),
      RevokeSessions: (request, call) => revokeSessions(parts, request, call),
      OpenBreakGlass: async (request, call) => {
        if (!isMessage(request, OpenBreakGlassRequestSchema)) throw malformed();
        return tokensMessage(await openBreakGlass(parts, request.id, call));
      },
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
export function tokensMessage(tokens: Tokens, mustEnroll = false): Message {
  return create(IssueTokenResponseSchema, {
    mustEnroll,
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
  // A narrowed token ends itself and what was narrowed from it, and nothing of its holder's else.
  if (!isWithin(id, caller.sessionId)) refuseNarrowed(caller, "iam:sessions:revoke");
  if (kept === undefined) throw new Fault("NOT_FOUND", `session ${JSON.stringify(id)} was not found among your own`);
  await parts.life.end(caller, id, call);
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
