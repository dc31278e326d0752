// What is wrong with statements as they were written: patterns and conditions, each by its field.
import type { FieldViolation } from "@photoncloud/proto";
import { Fault, invalidField } from "../../../fault.ts";
import { actionProblem } from "./action.ts";
import { compileCondition } from "./condition.ts";
import { resourceProblem } from "./resource-pattern.ts";

/** A permission of a role, or what a guardrail denies. */
export interface Written {
  readonly action: string;
  readonly resourcePattern?: string | undefined;
  readonly conditions: readonly string[];
}

/** Conditions in one list: each is compiled when it is written and whenever its scope is read. */
const mostConditions = 64;

/** @throws Fault INVALID_FIELDS with everything that is wrong. `field`: the list's name, "permissions". */
export function refuseBadStatements(field: string, statements: readonly Written[]): void {
  const count = statements.reduce((sum, { conditions }) => sum + conditions.length, 0);
  if (count > mostConditions)
    throw invalidField(field, "size", `they have ${count} conditions; at most ${mostConditions} in all are allowed`);
  const violations = statements.flatMap((statement, index) => problemsOf(statement, `${field}[${index}]`));
  if (violations.length === 0) return;
  const message = violations.map((violation) => `${violation.path}: ${violation.message}`).join("; ");
  throw new Fault("INVALID_FIELDS", message, { violations });
}

function problemsOf(statement: Written, path: string): FieldViolation[] {
  // An empty action is missing (the value rules say so) or, in a plan, not known yet.
  const action = statement.action === "" ? undefined : actionProblem(statement.action);
  const resource = resourceProblem(statement.resourcePattern ?? "");
  const conditions = statement.conditions.map(compileCondition);
  return [
    ...(action === undefined ? [] : [{ path: `${path}.action`, rule: "pattern", message: action }]),
    ...(resource === undefined ? [] : [{ path: `${path}.resource_pattern`, rule: "pattern", message: resource }]),
    ...conditions.flatMap((compiled, index) =>
      compiled.ok ? [] : [{ path: `${path}.conditions[${index}]`, rule: "cel", message: compiled.problem }],
    ),
  ];
}
