// The order of decisions, spelled out slowly: it knows no index, no compiled pattern and no shortcut. For property tests alone.
import { formatPath, type ResourcePath } from "../../../call.ts";

/** A statement as it is written. */
export interface Plain {
  readonly action: string;
  readonly resourcePattern?: string | undefined;
  readonly deny: boolean;
  readonly conditions: readonly string[];
}

/** Everything that speaks of one principal at one place. */
export interface Written {
  readonly limits: readonly { readonly actions: readonly string[]; readonly resource?: string | undefined }[];
  readonly guardrails: readonly { readonly exempt: boolean; readonly statements: readonly Plain[] }[];
  readonly boundary: readonly Plain[] | undefined;
  readonly roles: readonly (readonly Plain[])[];
}

/** What each condition of the tests gives. "broken" can't be evaluated. */
export const conditions = {
  true: "yes",
  false: "no",
  "resource.nothing == 1": "broken",
  'principal.mfa_age < duration("1h")': "broken",
} as const;

function resultOf(condition: string): "yes" | "no" | "broken" {
  return Object.entries(conditions).find(([text]) => text === condition)?.[1] ?? "broken";
}

/** A pattern as a regular expression, made in the most literal way. */
function actionMatches(pattern: string, action: string): boolean {
  const parts = pattern.split(":");
  const spelled = parts.map((part, i) => (part !== "*" ? part : i === parts.length - 1 ? ".+" : "[^:]+"));
  return new RegExp(`^${spelled.join(":")}$`).test(action);
}

function resourceMatches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  return new RegExp(`^${pattern.replace(/\/\*$/, "(/[^/]+)?").replaceAll("*", "[^/]+")}$`).test(text);
}

/** A denial of single resources denies what shows many of them. */
function reachesInto(pattern: string | undefined, action: string, path: ResourcePath): boolean {
  if (pattern === undefined || path.id !== "" || action.endsWith(":create")) return false;
  return new RegExp(`^${pattern.replace(/\/[^/]+$/, "").replaceAll("*", "[^/]+")}$`).test(formatPath(path));
}

export function reference(written: Written, action: string, path: ResourcePath): boolean {
  const text = formatPath(path);
  const denies = (one: Plain) =>
    one.deny &&
    actionMatches(one.action, action) &&
    (resourceMatches(one.resourcePattern, text) || reachesInto(one.resourcePattern, action, path)) &&
    // The first that is false ends it; one that can't be evaluated before that counts as true.
    (one.conditions.find((condition) => resultOf(condition) !== "yes") ?? "true") !== "false";
  const allows = (one: Plain) =>
    !one.deny &&
    actionMatches(one.action, action) &&
    // Writing guardrails is allowed by none but those that name it.
    (!/^iam:guardrails:(create|update|delete)$/.test(action) || one.action.split(":")[1] === "guardrails") &&
    resourceMatches(one.resourcePattern, text) &&
    one.conditions.every((condition) => resultOf(condition) === "yes");

  for (const { actions, resource } of written.limits)
    if (!actions.some((pattern) => actionMatches(pattern, action)) || !resourceMatches(resource, text)) return false;
  if (!action.startsWith("iam:guardrails:"))
    for (const { exempt, statements } of written.guardrails) if (!exempt && statements.some(denies)) return false;
  if (written.boundary !== undefined && (written.boundary.some(denies) || !written.boundary.some(allows))) return false;
  if (written.roles.flat().some(denies)) return false;
  return written.roles.flat().some(allows);
}
