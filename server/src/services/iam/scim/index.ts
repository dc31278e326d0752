// SCIM 2.0 (RFC 7644) at /scim/v2/{org}: how a directory keeps an org's users and groups up to date.
import type { WebAnswer, WebHandler, WebRequest } from "../../web.ts";
import { type Directory, type DirectoryParts, groupsOf, usersOf } from "./directory.ts";
import { discover, listResponse, mostResults } from "./discovery.ts";
import { errorAnswer, ScimError, scimError, scimType } from "./error.ts";
import { parseFilter } from "./filter.ts";
import { attribute, isRecord, type Json } from "./json.ts";
import type { KeyLogins } from "./key-login.ts";
import { patched } from "./patch.ts";

export interface ScimParts extends DirectoryParts {
  /** The address of the cloud as its users know it. */
  readonly endpoint: () => string;
  readonly keys: KeyLogins;
}

const usualResults = 100;
const place = /^\/scim\/v2\/([a-z0-9-]{1,63})\/(.+?)\/?$/;

export function createScim(parts: ScimParts): WebHandler {
  return (request) => {
    const [, org, rest = ""] = place.exec(request.url.pathname) ?? [];
    return org === undefined ? undefined : answered(parts, org, rest, request);
  };
}

async function answered(parts: ScimParts, org: string, rest: string, request: WebRequest): Promise<WebAnswer> {
  try {
    const path = rest.split("/").map(decoded);
    return await parts.keys.as(org, request, (asked) => served(parts, org, path, asked));
  } catch (error) {
    const known = scimError(error);
    if (known === undefined) throw error;
    return errorAnswer(known);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ScimError(400, "the path can't be read", "invalidValue");
  }
}

async function served(parts: ScimParts, org: string, path: readonly string[], request: WebRequest): Promise<WebAnswer> {
  const base = `${parts.endpoint()}/scim/v2/${org}`;
  const [sort = "", id, ...more] = path;
  const directory = more.length === 0 ? directoryOf(parts, sort, { org, base, request }) : undefined;
  if (directory !== undefined) return id === undefined ? ofAll(directory, request) : ofOne(directory, id, request);
  const found = request.method === "GET" ? discover(base, path) : undefined;
  if (found !== undefined) return answer(200, found);
  const isKnown = ["Me", "Bulk", ".search"].includes(sort);
  throw new ScimError(isKnown ? 501 : 404, isKnown ? "it is not served" : "there is nothing at this path");
}

function directoryOf(parts: ScimParts, sort: string, at: Parameters<typeof usersOf>[1]): Directory | undefined {
  if (sort === "Users") return usersOf(parts, at);
  return sort === "Groups" ? groupsOf(parts, at) : undefined;
}

async function ofAll(directory: Directory, request: WebRequest): Promise<WebAnswer> {
  if (request.method === "GET") return list(directory, request);
  if (request.method !== "POST") throw new ScimError(405, "only GET and POST are served here");
  const made = await directory.add(bodyOf(request));
  return answer(201, made, { ...versionOf(made), location: String(Reflect.get(Object(made.meta), "location")) });
}

async function ofOne(directory: Directory, id: string, request: WebRequest): Promise<WebAnswer> {
  const etag = etagOf(request.headers["if-match"]);
  switch (request.method) {
    case "GET":
      return read(await directory.get(id), request);
    case "PUT":
      return changed(await directory.replace(id, etag, () => bodyOf(request)));
    case "PATCH":
      return changed(await directory.replace(id, etag, (now) => patched(now, bodyOf(request))));
    case "DELETE":
      await directory.remove(id, etag);
      return { status: 204, headers: { "cache-control": "no-store" }, body: "" };
    default:
      throw new ScimError(405, "only GET, PUT, PATCH and DELETE are served here");
  }
}

function changed(resource: Json): WebAnswer {
  return answer(200, resource, versionOf(resource));
}

/** Not again where the caller has this version (RFC 7644, section 3.14). */
function read(resource: Json, request: WebRequest): WebAnswer {
  const version = versionOf(resource);
  if (request.headers["if-none-match"] === version.etag) return { status: 304, headers: version, body: "" };
  return answer(200, asked(resource, request), version);
}

/** RFC 7644, section 3.4.2: counted from 1. */
async function list(directory: Directory, request: WebRequest): Promise<WebAnswer> {
  const { searchParams } = request.url;
  const text = searchParams.get("filter") ?? "";
  const filter = text === "" ? [] : parseFilter(text);
  const startIndex = Math.max(1, numberOf(searchParams.get("startIndex"), 1));
  const count = Math.min(mostResults, Math.max(0, numberOf(searchParams.get("count"), usualResults)));
  const { resources, total } = await directory.list(filter, { skip: startIndex - 1, limit: count });
  const page = resources.map((one) => asked(one, request));
  return answer(200, listResponse(page, total, startIndex));
}

function numberOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  throw new ScimError(400, `${JSON.stringify(text.slice(0, 32))} is no whole number`, "invalidValue");
}

/** `attributes` and `excludedAttributes` (section 3.9), by their first names. */
function asked(resource: Json, { url }: WebRequest): Json {
  const names = (param: string) =>
    new Set((url.searchParams.get(param) ?? "").toLowerCase().split(",").filter(Boolean).map(firstName));
  const [wanted, unwanted] = [names("attributes"), names("excludedAttributes")];
  const always = ["schemas", "id"];
  const isShown = (name: string) =>
    always.includes(name) || (!unwanted.has(name) && (wanted.size === 0 || wanted.has(name)));
  return Object.fromEntries(Object.entries(resource).filter(([name]) => isShown(name.toLowerCase())));
}

function firstName(path: string): string {
  const plain = path.startsWith("urn:") ? path.slice(path.lastIndexOf(":") + 1) : path;
  return plain.trim().split(".")[0] ?? "";
}

function bodyOf({ body, headers }: WebRequest): Json {
  const [type = ""] = (headers["content-type"] ?? "").split(";", 1);
  if (![scimType, "application/json"].includes(type.trim().toLowerCase()))
    throw new ScimError(415, `the body must be ${scimType}`, "invalidSyntax");
  try {
    const value: unknown = JSON.parse(body);
    if (isRecord(value)) return value;
  } catch {
    // Said below, as for what is no object.
  }
  throw new ScimError(400, "the body is no JSON object", "invalidSyntax");
}

/** The version that a caller expects; "" for any. */
function etagOf(header: string | undefined): string {
  if (header === undefined || header === "*") return "";
  return /^(?:W\/)?"([^"]*)"$/.exec(header)?.[1] ?? header;
}

function versionOf({ meta }: Json): Readonly<Record<string, string>> {
  const version = isRecord(meta) ? attribute(meta, "version") : undefined;
  return typeof version === "string" ? { etag: version } : {};
}

function answer(status: number, body: Json, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return {
    status,
    headers: { "content-type": scimType, "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}
