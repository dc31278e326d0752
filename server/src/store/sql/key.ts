// Resource keys as SQL values and as map keys.
import type { ResourceKey, Tenant } from "../store.ts";

/** The condition that goes with `keyValues` as `$1` to `$4`. */
export const isKey = "kind = $1 AND org = $2 AND project = $3 AND id = $4";
/** The same for the target's columns of a reference. */
export const isTarget = "target_kind = $1 AND target_org = $2 AND target_project = $3 AND target_id = $4";

export function keyValues(key: ResourceKey): [string, string, string, string] {
  return [key.kind, key.tenant.org, key.tenant.project, key.id];
}

/** The key alone, without what else its object carries. */
export function plainKey(key: ResourceKey): ResourceKey {
  return { tenant: plainTenant(key.tenant), kind: key.kind, id: key.id };
}

export function plainTenant(tenant: Tenant): Tenant {
  return { org: tenant.org, project: tenant.project };
}

/** One string for each key, different for different keys. */
export function keyString(key: ResourceKey): string {
  return joined(...keyValues(key));
}

/** Joins parts so that no two lists of parts give the same string. */
export function joined(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

export function sameKey(a: ResourceKey, b: ResourceKey): boolean {
  return a.id === b.id && a.kind === b.kind && a.tenant.org === b.tenant.org && a.tenant.project === b.tenant.project;
}
