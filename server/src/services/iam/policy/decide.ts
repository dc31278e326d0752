// The decision: who may do what, by the bindings of the scopes that the path lies in. Pure; what it reads was collected before.
import type { Decision, ResourcePath } from "../../call.ts";
import { formatPath } from "../../call.ts";
import type { ConditionContext } from "./condition.ts";
import type { Grant, Policy } from "./policy.ts";
import { matchesResource, mayReachInto } from "./resource-pattern.ts";
import type { Statement } from "./statements.ts";

/**
 * How many conditions one decision evaluates; what is beyond counts as one that can't be evaluated. Each costs a few microseconds as people
 * write them, and some milliseconds at worst: so nobody can keep the server busy with a policy of their own.
 */
const mostEvaluated = 100;

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
export async function decide(policy: Policy, question: Question): Promise<Decision> {
  let path: readonly string[] | undefined;
  let context: ConditionContext | undefined;
  const budget = { left: mostEvaluated };
  for (const { grant, statement } of policy.candidates(question.action)) {
    if (statement.resource !== undefined) {
      path ??= formatPath(question.path).split("/");
      if (!speaksOf(statement, path, question)) continue;
    }
    if (statement.conditions.length > 0) {
      context ??= await question.context();
      if (!holds(statement, context, budget)) continue;
    }
    return decided(!statement.deny, grant, question);
  }
  return nothingAllows(question);
}

function speaksOf(statement: Statement, path: readonly string[], { path: { id }, action }: Question): boolean {
  if (matchesResource(statement.resource, path)) return true;
  return statement.deny && id === "" && !action.endsWith(":create") && mayReachInto(statement.resource, path);
}

function holds(statement: Statement, context: ConditionContext, budget: { left: number }): boolean {
  try {
    return statement.conditions.every((condition) => {
      budget.left -= 1;
      if (budget.left < 0) throw new Error(`a decision evaluates at most ${mostEvaluated} conditions`);
      return condition(context);
    });
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
