// Tells whose a token is: a good signature, and a session that has not ended.
import type { Authenticator } from "../../call.ts";
import type { Follower } from "../policy/follower.ts";
import type { AccessTokens } from "./access-token.ts";
import { credentialText } from "./session-record.ts";
import type { Sessions } from "./sessions.ts";

export function createAuthenticator(accessTokens: AccessTokens, sessions: Sessions, follower: Follower): Authenticator {
  return {
    async authenticate(token) {
      const { principal } = await accessTokens.verify(token);
      const waiting = follower.fresh();
      if (waiting !== undefined) await waiting;
      const session = await sessions.check(principal);
      const { groups, mfaAt, limits } = session;
      return {
        ...principal,
        credential: credentialText(session),
        ...(groups && { groups }),
        ...(mfaAt !== undefined && { mfaAt }),
        ...(limits && { limits }),
      };
    },
    whose: (token) =>
      accessTokens.verify(token, { expired: true }).then(
        ({ principal }) => principal,
        () => undefined,
      ),
    revoked: (principal, signal) => sessions.untilEnded(principal, signal),
    changing: (principal) => sessions.isTouched(principal),
  };
}
