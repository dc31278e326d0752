// Which tenant a request speaks of, where a kind's resources may live, and the row of the scope that holds a tenant.
import { type FieldViolation, type Kind, Scope } from "@photoncloud/proto";
import { tenantsAbove } from "../../engine/tenants.ts";
import { Fault } from "../../fault.ts";
import type { Reference, Tenant } from "../../store/store.ts";
import type { Slices } from "./slices.ts";

export const system: Tenant = { org: "", project: "" };

export function sameTenant(a: Tenant, b: Tenant): boolean {
  return a.org === b.org && a.project === b.project;
}

/** Whether a tenant is the other one or lies inside it. */
export function isWithin(tenant: Tenant, outer: Tenant): boolean {
  return (outer.org === "" || tenant.org === outer.org) && (outer.project === "" || tenant.project === outer.project);
}

const missing = (path: string): FieldViolation => ({ path, rule: "required", message: "it is missing; give a value" });

/** What is missing of a tenant that a kind's resources need. */
export function tenantViolations(kind: Kind, org: string, project: string): readonly FieldViolation[] {
  const needsOrg =
    kind.scope === Scope.ORG || kind.scope === Scope.PROJECT || (kind.scope === Scope.ANY && project !== "");
  return [
    ...(needsOrg && org === "" ? [missing("org_id")] : []),
    ...(kind.scope === Scope.PROJECT && project === "" ? [missing("project_id")] : []),
  ];
}

/** The tenant of a kind's resources, from the parts of a request that its scope looks at. */
export function tenantOf(kind: Kind, org: string, project: string): Tenant {
  if (kind.scope === Scope.SYSTEM) return system;
  return { org, project: kind.scope === Scope.ORG ? "" : project };
}

/** As `tenantOf`. @throws Fault INVALID_FIELDS if a part is missing. */
export function requiredTenant(kind: Kind, org: string, project: string): Tenant {
  const violations = tenantViolations(kind, org, project);
  if (violations.length > 0) throw invalid(violations);
  return tenantOf(kind, org, project);
}

/** INVALID_FIELDS with everything that is wrong. */
export function invalid(violations: readonly FieldViolation[]): Fault {
  const message = violations.map((v) => (v.path === "" ? v.message : `${v.path}: ${v.message}`)).join("; ");
  return new Fault("INVALID_FIELDS", message, { violations });
}

/** The tenants in which a resource of a kind may live that is named from within a tenant, the nearest first. */
export function homesOf(kind: Kind, from: Tenant): readonly Tenant[] {
  switch (kind.scope) {
    case Scope.SYSTEM:
      return [system];
    case Scope.ORG:
      return from.org === "" ? [] : [{ org: from.org, project: "" }];
    case Scope.PROJECT:
      return from.project === "" ? [] : [from];
    default:
      return kind.ownScopeOnly ? [from] : tenantsAbove(from);
  }
}

/** The reference of everything in a tenant to the org or project that holds it, so that a scope can't go before what is in it. */
export function scopeReference(slices: Slices, tenant: Tenant): Reference | undefined {
  if (tenant.org === "") return undefined;
  const inProject = tenant.project !== "";
  const kind = slices.scopeKind(inProject ? Scope.PROJECT : Scope.ORG);
  if (kind === undefined) return undefined;
  return inProject
    ? {
        path: "project_id",
        target: { tenant: { org: tenant.org, project: "" }, kind: kind.typeName, id: tenant.project },
      }
    : { path: "org_id", target: { tenant: system, kind: kind.typeName, id: tenant.org } };
}
