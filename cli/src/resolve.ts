// Finds ids by names, where a name means one resource alone.
import { catalog, type Field, type FieldType, type Kind } from "@photoncloud/proto";
import { isPhotonError, PhotonError } from "@photoncloud/sdk";
import type { AnyClient, Clients, Tenant } from "./clients.ts";
import type { Flag } from "./flags.ts";
import type { GivenFlags, Input } from "./input.ts";
import { isObject } from "./plain.ts";
import { UsageError } from "./usage-error.ts";

/** The length of the part of an id that the cloud draws. */
const drawnLength = 26;

/** Whether a text can only be an id: the kind's prefix and a drawn body. */
export function looksLikeId(kind: Kind, text: string): boolean {
  return text.startsWith(`${kind.idPrefix}-`) && text.length === kind.idPrefix.length + 1 + drawnLength;
}

async function exists(client: AnyClient, id: string, tenant: Tenant): Promise<boolean> {
  try {
    await client.get(id, tenant);
    return true;
  } catch (error) {
    if (isPhotonError(error, "not_found") || isPhotonError(error, "invalid_argument")) return false;
    // Who may not look may still name it; the call itself says what is wrong.
    if (isPhotonError(error, "permission_denied")) return true;
    throw error;
  }
}

/**
 * The id of the one resource that has this id or name.
 *
 * @throws PhotonError not_found; UsageError when several have the name.
 */
export async function resolveId(kind: Kind, client: AnyClient, text: string, tenant: Tenant): Promise<string> {
  if (looksLikeId(kind, text)) return text;
  if (kind.chosenId && (await exists(client, text, tenant))) return text;
  const page = await client.list({ ...tenant, filter: { name: text }, pageSize: 10 }).page();
  const [first, ...others] = page.items.map((item) => item.id);
  const noun = kind.noun.replaceAll("_", " ");
  if (first === undefined)
    throw new PhotonError("not_found", `there is no ${noun} with the id or name ${JSON.stringify(text)}`);
  if (others.length === 0) return first;
  throw new UsageError(
    `several ${kind.plural.replaceAll("_", " ")} are called ${text}; give an id: ${[first, ...others].join(", ")}`,
  );
}

/** Where names are looked up. */
export interface NameLookup {
  readonly clients: Clients;
  readonly tenant: Tenant;
  /** How whoever wrote it knows a place: "--vpc-id", or its path in a flag's JSON or a file. */
  placeOf(path: string): string;
}

async function idsOf(field: Field, value: unknown, path: string, lookup: NameLookup): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => idsOf(field, item, path, lookup)));
  const kind = catalog().byTypeName(field.reference);
  if (kind === undefined || typeof value !== "string" || value === "" || looksLikeId(kind, value)) return value;
  try {
    return await resolveId(kind, lookup.clients.of(kind), value, lookup.tenant);
  } catch (error) {
    if (isPhotonError(error, "not_found")) throw new UsageError(`${lookup.placeOf(path)}: ${error.message}`);
    throw error;
  }
}

async function idsIn(type: FieldType, value: unknown, path: string, lookup: NameLookup): Promise<unknown> {
  if (type.type === "list" && Array.isArray(value))
    return Promise.all(value.map((item, i) => idsIn(type.of, item, `${path}[${i}]`, lookup)));
  if (!isObject(value)) return value;
  if (type.type === "message") return withIds(type.fields, value, lookup, path);
  if (type.type !== "map") return value;
  const ids = async ([key, item]: [string, unknown]) => [key, await idsIn(type.of, item, `${path}[${key}]`, lookup)];
  return Object.fromEntries(await Promise.all(Object.entries(value).map(ids)));
}

/** Replaces names by ids in all references that are given, however deep. What only the cloud writes is left as it is. */
export async function withIds(
  fields: readonly Field[],
  input: Input,
  lookup: NameLookup,
  within?: string,
): Promise<Input> {
  const replaced = async ([key, value]: [string, unknown]) => {
    const field = fields.find(({ localName, outputOnly }) => localName === key && !outputOnly);
    if (field === undefined) return [key, value];
    const path = within === undefined ? field.name : `${within}.${field.name}`;
    const ids = field.reference === "" ? idsIn(field.type, value, path, lookup) : idsOf(field, value, path, lookup);
    return [key, await ids];
  };
  return Object.fromEntries(await Promise.all(Object.entries(input).map(replaced)));
}

/** As `withIds`, for what flags were laid over: a flag's own field is known by the flag. */
export function resolveReferences(
  input: Input,
  fields: readonly Field[],
  flags: { readonly all: readonly Flag[]; readonly given: GivenFlags },
  session: Clients & { readonly tenant: Tenant },
): Promise<Input> {
  const byPath = new Map(flags.all.map(({ protoPath, name }) => [protoPath, name]));
  const placeOf = (path: string) => {
    const name = byPath.get(path);
    return name !== undefined && flags.given.has(name) ? `--${name}` : path;
  };
  return withIds(fields, input, { clients: session, tenant: session.tenant, placeOf });
}
