// Holding: whether what a principal has covers what it would give to another. The rule against privilege escalation.
import type { TokenLimit } from "../../kind.ts";
import { coversAction, namesDistinct, overlapsAction } from "./action.ts";
import { withinLimits } from "./limits.ts";
import type { Policy } from "./policy.ts";
import { coversResource, overlapsResource } from "./resource-pattern.ts";
import type { Statement } from "./statements.ts";

/** What a giver has. Guardrails are left out: they hold for the receiver as well. */
export type Holdings = Pick<Policy, "grants" | "boundary"> & { readonly limits?: readonly TokenLimit[] | undefined };

/**
 * The first of the statements that the holdings do not cover; undefined: they cover them all.
 * A statement is covered where one allowance of the grants is as wide in action and resource, with no condition that the statement lacks,
 * and no denial of the grants touches it; the same goes for the boundary, and the token's limits must be as wide. Denials among the statements
 * give nothing away and are covered.
 */
export function notHeld(holdings: Holdings, statements: readonly Statement[]): Statement | undefined {
  const own = holdings.grants.flatMap((grant) => grant.role.statements);
  return statements.find((statement) => !statement.deny && !isHeldIn(holdings, own, statement));
}

/** Whether someone may take a denial away: they must be allowed, without it, what it denies. */
export function notHeldWithout(holdings: Holdings, denials: readonly Statement[]): Statement | undefined {
  const own = holdings.grants.flatMap((grant) => grant.role.statements);
  return denials.find((statement) => statement.deny && !isHeldIn(holdings, own, { ...statement, conditionTexts: [] }));
}

function isHeldIn({ boundary, limits }: Holdings, own: readonly Statement[], wanted: Statement): boolean {
  if (!isHeld(own, wanted) || !withinLimits(limits, wanted)) return false;
  return boundary === undefined || isHeld(boundary.role?.statements ?? [], wanted);
}

function isHeld(own: readonly Statement[], wanted: Statement): boolean {
  if (own.some((statement) => statement.deny && touches(statement, wanted))) return false;
  return own.some((statement) => !statement.deny && covers(statement, wanted));
}

function touches(denial: Statement, wanted: Statement): boolean {
  return overlapsAction(denial.action, wanted.action) && overlapsResource(denial.resource, wanted.resource);
}

function covers(allowance: Statement, wanted: Statement): boolean {
  return (
    coversAction(allowance.action, wanted.action) &&
    (!namesDistinct(wanted.action) || namesDistinct(allowance.action)) &&
    coversResource(allowance.resource, wanted.resource) &&
    allowance.conditionTexts.every((text) => wanted.conditionTexts.includes(text))
  );
}
