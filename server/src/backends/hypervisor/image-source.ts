// Fetches an image from a URL that a tenant gave: over HTTP alone, and never from an address that only this host can reach. A name is resolved
// once, and the connection goes to the address that was checked; each redirect is checked like the first URL.
import { lookup } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { isPublic } from "../../public-address.ts";
import { DriverError } from "../driver-error.ts";

/** Redirects that are followed; mirrors need two or three. */
const mostRedirects = 5;
/** How long a server may say nothing, in milliseconds. */
const silenceMs = 60_000;

export interface FetchOptions {
  /** Whether private and loopback addresses may be asked. */
  readonly privateSources: boolean;
}

/** @throws DriverError "refused" for what is never fetched, "unavailable" for what can't be had now. */
export async function fetchImage(url: string, options: FetchOptions, signal: AbortSignal): Promise<Readable> {
  let at = httpUrl(url, undefined);
  for (let left = mostRedirects; left >= 0; left--) {
    const answer = await ask(at, options, signal);
    const { statusCode = 0 } = answer;
    if (statusCode === 200) return answer;
    answer.resume();
    const { location } = answer.headers;
    if (statusCode < 300 || statusCode > 399 || location === undefined)
      throw unreachable(`its server answers ${statusCode}`);
    at = httpUrl(location, at);
  }
  throw unreachable(`its server redirects more than ${mostRedirects} times`);
}

function httpUrl(text: string, base: URL | undefined): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw forbidden("its URL, or one that its server redirects to, can't be read");
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw forbidden(`it would come from a ${url.protocol} URL; only http: and https: are fetched`);
  return url;
}

function ask(url: URL, options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !options.privateSources && !isPublic(host)) throw privateAddress();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    signal,
    lookup: checkedLookup(options),
    headers: { "user-agent": "photoncloud", accept: "*/*" },
    agent: false,
  });
  request.once("response", resolve);
  request.once("error", (cause) =>
    reject(signal.aborted || cause instanceof DriverError ? cause : unreachable("its server can't be reached", cause)),
  );
  request.setTimeout(silenceMs, () => request.destroy(unreachable("its server says nothing")));
  request.end();
  return promise;
}

/** Resolves a name and refuses it if one of its addresses is not public. */
function checkedLookup({ privateSources }: FetchOptions): LookupFunction {
  return (hostname, options, done) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return done(error ?? new Error("no address"), "", 0);
      if (!privateSources && !addresses.every(({ address }) => isPublic(address))) return done(privateAddress(), "", 0);
      if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
}

function unreachable(why: string, cause?: unknown): DriverError {
  return new DriverError("unavailable", `the image can't be fetched: ${why}`, { status: "SourceUnreachable", cause });
}

function forbidden(why: string): DriverError {
  return new DriverError("refused", `the image is not fetched: ${why}`, { status: "SourceForbidden" });
}

function privateAddress(): DriverError {
  return forbidden("its server has a private address, which only the operator may allow (private-image-sources)");
}
