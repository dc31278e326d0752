// Holding: whether a principal's own grants cover what it would give to another. The rule against privilege escalation.
import { coversAction, overlapsAction } from "./action.ts";
import type { Grant } from "./policy.ts";
import { coversResource, overlapsResource } from "./resource-pattern.ts";
import type { Statement } from "./statements.ts";

/**
 * The first of the statements that the grants do not cover; undefined: they cover them all.
 * A statement is covered where one allowance of the grants is as wide in action and resource, with no condition that the statement lacks,
 * and no denial of the grants touches it. Denials among the statements give nothing away and are covered.
 */
export function notHeld(grants: readonly Grant[], statements: readonly Statement[]): Statement | undefined {
  const own = grants.flatMap((grant) => grant.role.statements);
  return statements.find((statement) => !statement.deny && !isHeld(own, statement));
}

/** Whether someone with these grants may take a denial away: they must be allowed, without it, what it denies. */
export function notHeldWithout(grants: readonly Grant[], denials: readonly Statement[]): Statement | undefined {
  const own = grants.flatMap((grant) => grant.role.statements);
  return denials.find((statement) => statement.deny && !isHeld(own, { ...statement, conditionTexts: [] }));
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
    coversResource(allowance.resource, wanted.resource) &&
    allowance.conditionTexts.every((text) => wanted.conditionTexts.includes(text))
  );
}
