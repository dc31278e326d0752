// The resolver of one subnet: the cloud's own names are answered, everything else is forwarded.
import type { RateLimit } from "../limits.ts";
import type { AgentLog } from "../log.ts";
import type { Forwarder } from "./forwarder.ts";
import { type Query, rcodes, readQuery } from "./query.ts";
import { fitResponse, type Reply, writeResponse } from "./response.ts";
import { answerOwn, type ZoneParts } from "./zone.ts";

export interface ResolverParts extends ZoneParts {
  readonly forwarder: Forwarder;
  readonly rate: RateLimit;
  readonly log: AgentLog;
}

/** Who asks, and how. */
export interface Asking {
  readonly client: string;
  readonly transport: "udp" | "tcp";
}

/** Zone transfers: nobody's business (RFC 5936), and those of the host's servers neither. */
const transfers = new Set(["AXFR", "IXFR"]);

/** The answer to what is the cloud's own, or nobody's. Undefined: it is to be forwarded. */
async function own(query: Query, parts: ResolverParts): Promise<Reply | undefined> {
  const { name, type, class: klass } = query.question;
  if (klass !== "IN" || transfers.has(type)) return { rcode: rcodes.refused };
  const reply = await answerOwn(query.question, parts);
  if (reply !== undefined) return reply;
  // A bare word is a name of the host's own network at best.
  const isBare = name !== "." && !name.includes(".");
  if (isBare && (type === "A" || type === "AAAA")) return { rcode: rcodes.nxDomain };
  return query.recursionDesired ? undefined : { rcode: rcodes.refused };
}

async function forwarded(query: Query, parts: ResolverParts, { transport, client }: Asking): Promise<Buffer> {
  const { vpcId, subnetId } = parts.place;
  const answer = await parts.forwarder.forward(query, { vpcId, guest: `${subnetId} ${client}` }, transport);
  if (answer === undefined) return writeResponse(query, { rcode: rcodes.servFail }, transport);
  return fitResponse(query, answer, transport);
}

/** Answers a message. Undefined: it deserves none. Never throws. */
export async function resolve(bytes: Buffer, parts: ResolverParts, asking: Asking): Promise<Buffer | undefined> {
  if (!parts.rate.take(`${parts.place.subnetId} ${asking.client}`)) return undefined;
  const query = readQuery(bytes);
  if (query === undefined) return undefined;
  if ("rcode" in query) return writeResponse(query, { rcode: query.rcode }, asking.transport);
  try {
    const reply = await own(query, parts);
    return reply === undefined ? await forwarded(query, parts, asking) : writeResponse(query, reply, asking.transport);
  } catch (err) {
    parts.log.warn({ err, subnet: parts.place.subnetId }, "a name could not be looked up");
    return writeResponse(query, { rcode: rcodes.servFail }, asking.transport);
  }
}
