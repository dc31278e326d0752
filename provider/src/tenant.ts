// Where a resource lives: what its block says, else what the provider's configuration says.
import { type KindFacts as Kind, Scope } from "@photoncloud/proto";
import type { Reference } from "./cloud.ts";
import { attribute as attributeStep } from "./cty/path.ts";
import { Unknown, unknown, type Value, type ValueMap } from "./cty/value.ts";
import { type Diagnostic, errorAt, Problem } from "./diagnostics.ts";

/** The provider's org and project: text, not known yet, or not given. */
export interface Tenant {
  readonly org: string | Unknown | undefined;
  readonly project: string | Unknown | undefined;
}

const levels = {
  org_id: { setting: "org_id", env: "PHOTON_ORG" },
  project_id: { setting: "project_id", env: "PHOTON_PROJECT" },
} as const;
type Level = keyof typeof levels;

const missing = (level: Level): Problem =>
  new Problem([
    errorAt(
      [attributeStep(level)],
      `${level} is missing`,
      `Set ${level} here, in the provider's configuration, or by ${levels[level].env}.`,
    ),
  ]);

/** What has a place: a kind, or what a method asks about. */
export type Located = Pick<Kind, "fields" | "scope">;

/** Kinds that live at any scope stand above what is not named. */
const orAbove = (kind: Located, level: Level, given: string | Unknown | undefined): Value => {
  if (given !== undefined) return given;
  if (kind.scope === Scope.ANY) return "";
  throw missing(level);
};

/** The provider's project is a part of the provider's org: in another org it says nothing. */
function projectOf(config: ValueMap, tenant: Tenant): string | Unknown | undefined {
  const org = config.get("org_id") ?? null;
  if (org === null || org === tenant.org) return tenant.project;
  return org instanceof Unknown || tenant.org instanceof Unknown ? unknown : undefined;
}

/**
 * What stands in for org_id and project_id where a block leaves them out.
 *
 * @throws Problem where a kind needs one and there is none.
 */
export function tenantDefaults(kind: Located, config: ValueMap, tenant: Tenant): ReadonlyMap<string, Value> {
  const defaults = new Map<string, Value>();
  const left = (level: Level) =>
    kind.fields.some((field) => field.name === level) && (config.get(level) ?? null) === null;
  if (left("org_id")) defaults.set("org_id", orAbove(kind, "org_id", tenant.org));
  if (left("project_id")) defaults.set("project_id", orAbove(kind, "project_id", projectOf(config, tenant)));
  return defaults;
}

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");

/** The reference that a state holds. */
export const referenceOf = (state: ValueMap): Reference => ({
  org: text(state.get("org_id")),
  project: text(state.get("project_id")),
  id: text(state.get("id")),
});

/** A resource that stays where it is while the provider's configuration points elsewhere. */
export function elsewhere(config: ValueMap, state: ValueMap, tenant: Tenant): readonly Diagnostic[] {
  const now = { org_id: tenant.org, project_id: tenant.project };
  return (["org_id", "project_id"] as const).flatMap((level): Diagnostic[] => {
    const [was, given] = [state.get(level), now[level]];
    if (
      config.get(level) !== null ||
      typeof was !== "string" ||
      typeof given !== "string" ||
      was === given ||
      was === ""
    )
      return [];
    const detail = `The provider's ${level} is ${given}, but this resource is in ${was} and stays there. Set ${level} on the resource: to ${was} to say so, to ${given} to replace it.`;
    return [{ severity: "warning", summary: `It stays in ${was}`, detail, path: [attributeStep(level)] }];
  });
}

/** How an id for import may be written, for the error. */
const forms = (kind: Kind): string => {
  if (kind.scope === Scope.SYSTEM) return "ID";
  return kind.scope === Scope.ORG ? "ID or ORG/ID" : "ID or ORG/PROJECT/ID";
};

/**
 * Reads an id for import: "id", "org/id" for what lives in an org, "org/project/id" for what lives in a project.
 *
 * @throws Problem where it has another form, or the provider does not say the rest.
 */
export function parseImportId(kind: Kind, given: string, tenant: Tenant): Reference {
  const parts = given.split("/");
  const [first = "", second = "", third = ""] = parts;
  const wrong = new Problem([
    {
      severity: "error",
      summary: "Invalid id for import",
      detail: `${JSON.stringify(given)} was given; ${forms(kind)} is allowed.`,
    },
  ]);
  if (parts.some((part) => part === "") || parts.length > 3) throw wrong;
  if (parts.length === 3 && kind.scope !== Scope.ORG && kind.scope !== Scope.SYSTEM)
    return { org: first, project: second, id: third };
  if (parts.length === 2 && (kind.scope === Scope.ORG || kind.scope === Scope.ANY))
    return { org: first, project: "", id: second };
  if (parts.length !== 1) throw wrong;
  const defaults = tenantDefaults(kind, new Map(), tenant);
  return { org: text(defaults.get("org_id")), project: text(defaults.get("project_id")), id: first };
}
