// Tells whose a token is: a good signature, and a session that has not ended.
import type { Authenticator } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import type { Follower } from "../policy/follower.ts";
import type { AccessTokens } from "./access-token.ts";
import { credentialText } from "./session-record.ts";
import type { Sessions } from "./sessions.ts";

export function createAuthenticator(accessTokens: AccessTokens, sessions: Sessions, follower: Follower): Authenticator {
  async function sessionOf(principal: Principal) {
    const waiting = follower.fresh();
    if (waiting !== undefined) await waiting;
    return sessions.check(principal);
  }
  return {
    async authenticate(token) {
      const { principal } = await accessTokens.verify(token);
      const session = await sessionOf(principal);
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
    recheck: async (principal) => void (await sessionOf(principal)),
    revoked: (principal, signal) => sessions.untilEnded(principal, signal),
    changing: (principal) => sessions.isTouched(principal),
  };
}
