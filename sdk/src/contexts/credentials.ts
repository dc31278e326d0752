// Uses a context's session, and renews it in the file.
import { isPhotonError, PhotonError } from "../errors.ts";
import { createHttp } from "../http.ts";
import type { Credentials, GivenToken, PhotonCloudOptions } from "../options.ts";
import { realTiming } from "../timing.ts";
import { Transport } from "../transport.ts";
import { type Context, readContexts, updateContexts } from "./file.ts";

/** A token with less than this left is renewed; the client asks for another one at the same time before the end. */
const leastLeftMs = 60_000;

function found(path: string, name: string): Context {
  const context = readContexts(path).contexts[name];
  if (context !== undefined) return context;
  throw new PhotonError("unauthenticated", `there is no context ${name}: log in with \`photon login\``, {
    retry: "after_login",
  });
}

function isGood(context: Context, refused: string | undefined): boolean {
  return context.token !== refused && Date.parse(context.expireTime) - Date.now() > leastLeftMs;
}

function given(context: Context): GivenToken {
  return { token: context.token, expireTime: new Date(context.expireTime) };
}

async function refreshed(context: Context): Promise<Context> {
  const options = { endpoint: context.endpoint, ca: context.ca };
  const transport = new Transport({ http: createHttp(options), options, timing: realTiming, tokens: undefined });
  const answer = await transport.unary({
    method: "iam.v1.IamTokenService/RefreshToken",
    request: { refreshToken: context.refreshToken },
    mutation: false,
    repeatable: false,
    open: true,
    options: {},
  });
  const { token, expireTime, refreshToken } = answer;
  return { ...context, token: String(token), expireTime: String(expireTime), refreshToken: String(refreshToken) };
}

/** Credentials that read the context's session and renew it. @throws PhotonError unauthenticated when it has ended. */
export function contextCredentials(path: string, name: string): Credentials {
  return async ({ refused }) => {
    const context = found(path, name);
    if (isGood(context, refused)) return given(context);
    try {
      const next = await refreshed(context);
      updateContexts(path, (file) => ({ ...file, contexts: { ...file.contexts, [name]: next } }));
      return given(next);
    } catch (error) {
      // Another process may have used the refresh token, which works once, and written what it got.
      const now = found(path, name);
      if (now.token !== context.token && isGood(now, refused)) return given(now);
      if (!isPhotonError(error, "unauthenticated")) throw error;
      const message = `the session of context ${name} has ended: log in again with \`photon login\``;
      throw new PhotonError("unauthenticated", message, { reason: error.reason, retry: "after_login" });
    }
  };
}

/** The client's options for a context. */
export function contextOptions(path: string, name: string): PhotonCloudOptions {
  const { endpoint, org, project, ca } = found(path, name);
  return { endpoint, org, project, ca, credentials: contextCredentials(path, name) };
}
