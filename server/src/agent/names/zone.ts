// The cloud's own names: {vm or port}.{project}.{org}.cloud.internal, and the names of their addresses. What is not ours is left to the
// forwarder.
import type { Answer, Question } from "dns-packet";
import type { Directory, Place } from "../directory.ts";
import { rcodes } from "./query.ts";
import type { Reply } from "./response.ts";
import { networkOfName, onlyAddress, standingOf, staysInside } from "./reverse.ts";

export const cloudZone = "cloud.internal";

/** How long an answer, or that there is none, may be remembered, in seconds: machines come and go. */
const ttl = 5;

/** What the zone's answers are made from. */
export interface ZoneParts {
  readonly place: Place;
  readonly directory: Directory;
  /** Where the resolver itself answers. */
  readonly addresses: readonly string[];
}

function soaOf(zone: string): Answer {
  const data = { mname: `ns.${cloudZone}`, rname: `hostmaster.${cloudZone}`, serial: 1 };
  // Nobody copies the zone, so that the times concern nobody; the last one is the negative TTL (RFC 2308).
  return {
    type: "SOA",
    name: zone,
    class: "IN",
    ttl,
    data: { ...data, refresh: 3600, retry: 600, expire: 86_400, minimum: ttl },
  };
}

const found = (answers: readonly Answer[]): Reply => ({ rcode: rcodes.noError, authoritative: true, answers });
const noData = (zone: string): Reply => ({
  rcode: rcodes.noError,
  authoritative: true,
  authorities: [soaOf(zone)],
});
const noName = (zone: string): Reply => ({ ...noData(zone), rcode: rcodes.nxDomain });

/** The records of addresses that a question asks for. */
function addressRecords({ name, type }: Question, addresses: readonly string[]): readonly Answer[] {
  return addresses
    .map((data): Answer => ({ type: data.includes(":") ? "AAAA" : "A", name, class: "IN", ttl, data }))
    .filter((record) => record.type === type || isAny(type));
}

const isAny = (type: string) => type === "ANY";

function foundOrNoData(answers: readonly Answer[], zone: string): Reply {
  return answers.length > 0 ? found(answers) : noData(zone);
}

function answerApex({ name, type }: Question): Reply {
  const ns: Answer = { type: "NS", name, class: "IN", ttl, data: `ns.${cloudZone}` };
  const records = [soaOf(name), ns].filter((record) => record.type === type || isAny(type));
  return foundOrNoData(records, cloudZone);
}

async function answerName(question: Question, labels: readonly string[], parts: ZoneParts): Promise<Reply> {
  const [label = "", project = "", org = ""] = labels;
  if (labels.length === 0) return answerApex(question);
  if (labels.length === 1 && label === "ns") return foundOrNoData(addressRecords(question, parts.addresses), cloudZone);
  // An org or a project: names may be below it, so that it is there (RFC 8020), whoever asks.
  if (labels.length < 3) return noData(cloudZone);
  if (labels.length > 3) return noName(cloudZone);
  const addresses = await parts.directory.addresses(parts.place, { label, project, org });
  if (addresses === undefined) return noName(cloudZone);
  return foundOrNoData(addressRecords(question, addresses), cloudZone);
}

/** The part of a reverse name that may own its SOA record: an ancestor, one for a family's first labels. */
function reverseZone(name: string): string {
  return name
    .split(".")
    .slice(name.endsWith(".ip6.arpa") ? -4 : -3)
    .join(".");
}

async function answerAddress(question: Question, name: string, parts: ZoneParts): Promise<Reply | undefined> {
  const network = networkOfName(name);
  if (network === undefined) return undefined;
  const standing = standingOf(network, await parts.directory.networks(parts.place));
  const zone = reverseZone(name);
  if (standing === "above") return noData(zone);
  if (standing === "out") return staysInside(network) ? noName(zone) : undefined;
  const guest = await parts.directory.nameOf(parts.place, onlyAddress(network) ?? "");
  if (guest === undefined) return noName(zone);
  const data = `${guest.label}.${guest.project}.${guest.org}.${cloudZone}`;
  const ptr: Answer = { type: "PTR", name: question.name, class: "IN", ttl, data };
  return question.type === "PTR" || isAny(question.type) ? found([ptr]) : noData(zone);
}

/** Answers what is the cloud's own. Undefined: it is not. */
export async function answerOwn(question: Question, parts: ZoneParts): Promise<Reply | undefined> {
  const name = question.name.toLowerCase();
  if (name === cloudZone) return answerName(question, [], parts);
  if (name.endsWith(`.${cloudZone}`))
    return answerName(question, name.slice(0, -cloudZone.length - 1).split("."), parts);
  return answerAddress(question, name, parts);
}
