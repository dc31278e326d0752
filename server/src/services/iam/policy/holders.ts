// Those whom a binding or a guardrail may name: users, service accounts and groups.
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { ResourceKey, Store, Tenant } from "../../../store/store.ts";
import type { Admission } from "../../kind.ts";
import { parseGroupName, parsePrincipalName } from "../principal-name.ts";
import { principalSchema } from "../principals.ts";
import type { Delegation } from "./delegation.ts";

/** Bindings of one holder that are looked at; more than anybody has. */
const mostBindings = 10_000;

/** The kind, the org and the id of whom a name speaks of. */
export function parseHolder(name: string) {
  const group = parseGroupName(name);
  if (group !== undefined) return { ...group, schema: GroupSchema };
  const principal = parsePrincipalName(name);
  return principal && { org: principal.org, id: principal.id, schema: principalSchema(principal.kind) };
}

/** The scopes of the resources of a kind that name somebody, straight from the store. */
export async function scopesNaming(
  store: Pick<Store, "referrers">,
  holder: string,
  kind: string,
): Promise<readonly Tenant[]> {
  const key = keyOf(holder);
  const naming = key === undefined ? [] : await store.referrers(key, mostBindings);
  return naming.filter((one) => one.kind === kind).map(({ tenant }) => tenant);
}

/** Where somebody's row is, by their name. */
function keyOf(holder: string): ResourceKey | undefined {
  const found = parseHolder(holder);
  return found && { tenant: { org: found.org, project: "" }, kind: found.schema.typeName, id: found.id };
}

/**
 * Records that a resource names a holder, which then can't be deleted: so the name never comes to mean a later namesake. Refuses one that is not
 * there, and one of another org in the same words: whether it exists is that org's own business. The system's administrators may name anyone.
 */
export async function referToHolder(
  admission: Admission,
  delegation: Pick<Delegation, "isSystemAdmin">,
  name: string,
  path: string,
): Promise<void> {
  const holder = parseHolder(name);
  const own = holder?.org === admission.tenant.org;
  const mayName = holder !== undefined && (own || (await delegation.isSystemAdmin(admission.caller)));
  const home = { org: mayName ? holder.org : admission.tenant.org, project: "" };
  const schema = holder?.schema ?? principalSchema("user");
  try {
    // Who may not be named is looked up as nobody: so a plan that does not know the name yet passes, and everything else is refused.
    await admission.referenceIn(home, schema, mayName ? holder.id : "", path);
  } catch (error) {
    throw error instanceof Fault && error.reason === "INVALID_FIELDS" ? unknown(name, path) : error;
  }
}

function unknown(name: string, path: string): Fault {
  return invalidField(
    path,
    "unknown_reference",
    `${JSON.stringify(name)} is nobody here; give a user, a service account or a group of this org, for example "user:acme-corp/alice"`,
  );
}
