// The axios instance: plain POSTs of JSON to /{service}/{method}, so that interceptors, proxies, nock and msw work as people expect.
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios, { type AxiosInstance } from "axios";
import { checkedEndpoint, userAgentOf } from "./endpoint.ts";
import type { PhotonCloudOptions } from "./options.ts";

/** A connection that nothing is asked on is kept for so long, or for less where the server's Keep-Alive header says so; ours says 75 s. */
const idleMs = 60_000;

/** @throws PhotonError invalid_argument when the endpoint is no http or https URL. */
export function createHttp(options: PhotonCloudOptions): AxiosInstance {
  const baseURL = checkedEndpoint(options.endpoint);
  return axios.create({
    ...agents(options.ca),
    // A redirect would carry the token to an address that nobody configured.
    maxRedirects: 0,
    ...options.http,
    baseURL,
    headers: { "User-Agent": userAgentOf(options.userAgent), ...asHeaders(options.http?.headers) },
  });
}

/** Connections outlast the pauses between calls; Node's own agents drop them after five seconds. */
function agents(ca: string | undefined): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const terms = { keepAlive: true, timeout: idleMs };
  return { httpAgent: new HttpAgent(terms), httpsAgent: new HttpsAgent({ ...terms, ...(ca !== undefined && { ca }) }) };
}

function asHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
