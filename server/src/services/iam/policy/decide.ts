// The decision: who may do what, by the bindings of the scopes that the path lies in. Pure; what it reads was collected before.
import type { Decision, ResourcePath } from "../../call.ts";
import { formatPath } from "../../call.ts";
import { actionParts, matchesAction } from "./action.ts";
import type { ConditionContext } from "./condition.ts";
import { matchesResource, mayReachInto } from "./resource-pattern.ts";
import type { CompiledRole, Statement } from "./statements.ts";

/** A binding that holds at a scope, with its role. */
export interface Grant {
  readonly bindingId: string;
  /** Where it was given: "org/acme-corp/project/alpha"; "" is the system. */
  readonly scope: string;
  readonly role: CompiledRole;
}

/** What is asked. */
export interface Question {
  /** For the explanation: "user:acme-corp/alice". */
  readonly principal: string;
  readonly action: string;
  readonly path: ResourcePath;
  /** Read at most once, and only where a condition must be evaluated. */
  readonly context: () => Promise<ConditionContext>;
}

/**
 * Decides. Grants add up, a denial wins over every allowance, and without an allowance nothing is allowed.
 * A condition that can't be evaluated (an attribute is not there) lets nothing through: an allowance does not hold, a denial does.
 * A denial of single resources also denies actions that name none but reach them (get many, list, watch); creating makes a new one, and is not denied by it.
 */
export async function decide(grants: readonly Grant[], question: Question): Promise<Decision> {
  const action = actionParts(question.action);
  const path = formatPath(question.path).split("/");
  const reaches = question.path.id === "" && action.at(-1) !== "create";
  let allowing: Grant | undefined;
  let context: Promise<ConditionContext> | undefined;
  const seen = () => (context ??= question.context());
  for (const grant of grants)
    for (const statement of grant.role.statements) {
      if (allowing !== undefined && !statement.deny) continue;
      if (!matchesAction(statement.action, action)) continue;
      const matched =
        matchesResource(statement.resource, path) ||
        (statement.deny && reaches && mayReachInto(statement.resource, path));
      if (!matched || (statement.conditions.length > 0 && !(await holds(statement, seen)))) continue;
      if (statement.deny) return decided(false, grant, question);
      allowing = grant;
    }
  return allowing === undefined ? nothingAllows(question) : decided(true, allowing, question);
}

async function holds(statement: Statement, context: () => Promise<ConditionContext>): Promise<boolean> {
  const seen = await context();
  try {
    return statement.conditions.every((condition) => condition(seen));
  } catch {
    return statement.deny;
  }
}

function decided(allowed: boolean, grant: Grant, question: Question): Decision {
  const where = grant.scope === "" ? "the system" : grant.scope;
  return {
    allowed,
    explanation: `${allowed ? "Allowed" : "Denied"} by the role ${grant.role.id}, which the binding ${grant.bindingId} gives ${question.principal} at ${where}.`,
    roleId: grant.role.id,
    roleBindingId: grant.bindingId,
  };
}

function nothingAllows(question: Question): Decision {
  const where = formatPath(question.path);
  return {
    allowed: false,
    explanation: `No role of ${question.principal} at ${where === "" ? "the system" : where} or above allows ${question.action}.`,
    roleId: "",
    roleBindingId: "",
  };
}
