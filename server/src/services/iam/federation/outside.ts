// Asks issuers, whose addresses tenants choose: https alone, never an address that only this host can reach, little at a time and not for long.
// A name is resolved once, and the connection goes to the address that was checked. Redirects are not followed.
import { lookup } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Fault } from "../../../fault.ts";
import { isPublic } from "../../../public-address.ts";
import { issuerProblem } from "./issuer.ts";
import type { FederationTerms } from "./terms.ts";

/** How long an issuer may take for one answer, in milliseconds. */
const answerMs = 5_000;
/** The largest answer: a key set of a hundred keys has a tenth of it. */
const mostBytes = 512 * 1024;
/** Questions to one host at a time: an issuer that hangs holds so many of them and no more. */
const atOnce = 8;

export interface OutsideRequest {
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
}

/** As the global fetch, within these bounds. */
export type OutsideFetch = (url: string, request?: OutsideRequest) => Promise<Response>;

/** The fetch throws a Fault BACKEND_UNAVAILABLE where nothing could be had. */
export function createOutsideFetch(terms: FederationTerms): OutsideFetch {
  const asking = new Map<string, number>();
  return async (text, request = {}) => {
    const url = new URL(text);
    refuse(url, terms);
    const busy = asking.get(url.host) ?? 0;
    if (busy >= atOnce) throw unreachable(url, "too much is being asked of it already");
    asking.set(url.host, busy + 1);
    try {
      return await ask(url, request, terms);
    } catch (cause) {
      throw cause instanceof Fault ? cause : unreachable(url, "it can't be reached", cause);
    } finally {
      const left = (asking.get(url.host) ?? 1) - 1;
      if (left > 0) asking.set(url.host, left);
      else asking.delete(url.host);
    }
  };
}

/** An endpoint that an issuer names is held to what an issuer's own address is, but for its query. */
function refuse(url: URL, terms: FederationTerms): void {
  const problem = issuerProblem(`${url.origin}${url.pathname}`, terms);
  if (problem !== undefined) throw unreachable(url, problem);
}

async function ask(url: URL, { method = "GET", headers = {}, body }: OutsideRequest, terms: FederationTerms) {
  const signal = AbortSignal.timeout(answerMs);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method,
    signal,
    lookup: checkedLookup(terms),
    headers: { ...headers, "user-agent": "photoncloud" },
    agent: false,
  });
  request.once("response", resolve);
  request.on("error", reject);
  request.end(bodyText(body));
  const answer = await promise;
  const bytes = await readAll(answer);
  const status = answer.statusCode ?? 502;
  const given = Object.entries(answer.headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as const] : [],
  );
  return new Response(mayHaveBody(status) ? bytes : null, { status, headers: Object.fromEntries(given) });
}

function bodyText(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  return body instanceof URLSearchParams ? body.toString() : undefined;
}

function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 304;
}

async function readAll(answer: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.byteLength;
    if (size > mostBytes) throw new Error(`its answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Resolves a name and refuses it if one of its addresses is not public. */
function checkedLookup({ privateIssuers }: FederationTerms): LookupFunction {
  return (hostname, options, done) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return done(error ?? new Error("no address"), "", 0);
      const isRefused = !privateIssuers && !addresses.every(({ address }) => isIP(address) !== 0 && isPublic(address));
      if (isRefused) return done(new Error("it is at a private address"), "", 0);
      if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
}

function unreachable(url: URL, why: string, cause?: unknown): Fault {
  return new Fault("BACKEND_UNAVAILABLE", `the issuer at ${url.origin} can't be asked: ${why}`, { cause });
}
