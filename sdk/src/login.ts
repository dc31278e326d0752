// A transport that logs in by itself, with the credentials of a client's options.
import { isPhotonError } from "./errors.ts";
import type { Http } from "./http-port.ts";
import type { PhotonCloudOptions } from "./options.ts";
import { realTiming } from "./timing.ts";
import { type Login, TokenSource } from "./tokens.ts";
import { Transport } from "./transport.ts";
import type { JsonObject } from "./values.ts";

const loginMethod = "iam.v1.IamTokenService/IssueToken";
const exchangeMethod = "iam.v1.IamTokenService/ExchangeToken";

/** What logs in, and how. */
async function loginCall(credentials: Parameters<Login>[0], org: string) {
  const { principalId, orgId = org } = credentials;
  if ("keySecret" in credentials) return { method: loginMethod, request: { ...credentials, orgId } };
  if ("password" in credentials) {
    const { secondFactor: _, ...credential } = credentials;
    return { method: loginMethod, request: { ...credential, orgId } };
  }
  const subjectToken = await credentials.identityToken();
  return { method: exchangeMethod, request: { principalId, orgId, subjectToken } };
}

/** Logs in over the same HTTP. */
export function transportOf(options: Omit<PhotonCloudOptions, "http">, http: Http): Transport {
  const timing = options.timing ?? realTiming;
  const open = new Transport({ http, options, timing, tokens: undefined });
  const login: Login = async (credentials, signal) => {
    const { method, request } = await loginCall(credentials, options.org ?? "");
    // A token that was exchanged is not taken again: a repetition would be refused, and what comes of the first is needed.
    const repeatable = method === loginMethod;
    const call = { method, mutation: false, repeatable, open: true, options: repeatable ? { signal } : {} };
    const factor = "password" in credentials ? credentials.secondFactor : undefined;
    let answer: JsonObject;
    try {
      answer = await open.unary({ ...call, request });
    } catch (error) {
      if (factor === undefined || !isPhotonError(error, "unauthenticated", "SECOND_FACTOR_REQUIRED")) throw error;
      answer = await open.unary({ ...call, request: { ...request, code: await factor() }, repeatable: false });
    }
    const expireTime = typeof answer.expireTime === "string" ? new Date(answer.expireTime) : undefined;
    return { token: String(answer.token), expireTime };
  };
  const { credentials } = options;
  const tokens = credentials === undefined ? undefined : new TokenSource(credentials, login, timing, () => open.met);
  return new Transport({ http, options, timing, tokens });
}
