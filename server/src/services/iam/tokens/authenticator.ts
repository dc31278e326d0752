// Tells whose a token is: a good signature, and a session that has not ended.
import type { Authenticator } from "../../call.ts";
import type { Follower } from "../policy/follower.ts";
import type { AccessTokens } from "./access-token.ts";
import type { Sessions } from "./sessions.ts";

export function createAuthenticator(accessTokens: AccessTokens, sessions: Sessions, follower: Follower): Authenticator {
  return {
    async authenticate(token) {
      const { principal } = await accessTokens.verify(token);
      const waiting = follower.fresh();
      if (waiting !== undefined) await waiting;
      const { groups, mfaAt, limits } = await sessions.check(principal);
      return {
        ...principal,
        ...(groups && { groups }),
        ...(mfaAt !== undefined && { mfaAt }),
        ...(limits && { limits }),
      };
    },
    revoked: (principal, signal) => sessions.untilEnded(principal, signal),
    changing: (principal) => sessions.isTouched(principal),
  };
}
