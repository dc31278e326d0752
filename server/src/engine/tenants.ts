// Where a resource of a kind can live, seen from another resource's tenant: in the same tenant or in one above it, never beside it.
import { catalog, Scope } from "@photoncloud/proto";
import type { ResourceKey, Store, Tenant, Tx } from "../store/store.ts";

const system: Tenant = { org: "", project: "" };

/** The tenant itself and those above it, the nearest first. */
export function tenantsAbove(tenant: Tenant): readonly Tenant[] {
  if (tenant.org === "") return [system];
  const org = { org: tenant.org, project: "" };
  return tenant.project === "" ? [org, system] : [tenant, org, system];
}

/** The tenants in which a resource of a kind may live that a resource of `from` refers to, the nearest first. */
export function homesOf(typeName: string, from: Tenant): readonly Tenant[] {
  switch (catalog().byTypeName(typeName)?.scope) {
    case Scope.SYSTEM:
      return [system];
    case Scope.ORG:
      return [{ org: from.org, project: "" }];
    case Scope.PROJECT:
      return [from];
    default:
      return tenantsAbove(from);
  }
}

/** Reads the resource that an id names when it is said in a tenant. Undefined: there is none. */
export async function findRelated(reader: Pick<Store | Tx, "get">, kind: string, id: string, from: Tenant) {
  for (const tenant of homesOf(kind, from)) {
    const row = await reader.get({ tenant, kind, id });
    if (row !== undefined) return row;
  }
  return undefined;
}

/** A resource as a person names it: org/{org}/project/{project}/{noun}/{id}, without the parts that are empty. */
export function pathOf(key: ResourceKey): string {
  const noun = catalog().byTypeName(key.kind)?.noun ?? key.kind;
  const parts = [noun, key.id];
  if (key.tenant.project !== "") parts.unshift("project", key.tenant.project);
  if (key.tenant.org !== "") parts.unshift("org", key.tenant.org);
  return parts.join("/");
}
