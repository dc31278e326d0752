// Finds ids by names, where a name means one resource alone.
import { catalog, type Kind } from "@photoncloud/proto";
import { isPhotonError, PhotonError } from "@photoncloud/sdk";
import type { AnyClient, Clients, Tenant } from "./clients.ts";
import type { Flag } from "./flags.ts";
import type { Input } from "./input.ts";
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

async function resolveReference(flag: Flag, value: unknown, clients: Clients, tenant: Tenant): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveReference(flag, item, clients, tenant)));
  const kind = catalog().byTypeName(flag.field.reference);
  if (kind === undefined || typeof value !== "string" || value === "" || looksLikeId(kind, value)) return value;
  try {
    return await resolveId(kind, clients.of(kind), value, tenant);
  } catch (error) {
    if (isPhotonError(error, "not_found")) throw new UsageError(`--${flag.name}: ${error.message}`);
    throw error;
  }
}

/** Replaces names by ids in the references that flags gave. */
export async function resolveReferences(
  input: Input,
  flags: readonly Flag[],
  given: ReadonlyMap<string, readonly string[]>,
  clients: Clients,
  tenant: Tenant,
): Promise<void> {
  for (const flag of flags) {
    if (flag.field.reference === "" || !given.has(flag.name)) continue;
    const parent = flag.path
      .slice(0, -1)
      .reduce<unknown>((at, key) => (at as Input | undefined)?.[key], input) as Input;
    const key = flag.path.at(-1) ?? "";
    parent[key] = await resolveReference(flag, parent[key], clients, tenant);
  }
}
