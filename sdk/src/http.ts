// The axios instance: plain POSTs of JSON to /{service}/{method}, so that interceptors, proxies, nock and msw work as people expect.
import { Agent } from "node:https";
import axios, { type AxiosInstance } from "axios";
import { checkedEndpoint, userAgentOf } from "./endpoint.ts";
import type { PhotonCloudOptions } from "./options.ts";

/** @throws PhotonError invalid_argument when the endpoint is no http or https URL. */
export function createHttp(options: PhotonCloudOptions): AxiosInstance {
  const baseURL = checkedEndpoint(options.endpoint);
  const agent = options.ca === undefined ? {} : { httpsAgent: new Agent({ ca: options.ca, keepAlive: true }) };
  return axios.create({
    ...agent,
    // A redirect would carry the token to an address that nobody configured.
    maxRedirects: 0,
    ...options.http,
    baseURL,
    headers: { "User-Agent": userAgentOf(options.userAgent), ...asHeaders(options.http?.headers) },
  });
}

function asHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
