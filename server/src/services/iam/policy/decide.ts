// The decision: who may do what, by all that speaks of them at a place. Pure; what it reads was collected before.
//
// In this order, and the first that has something to say decides: what the token was narrowed to, the guardrails, the principal's boundary, the
// denials of its roles, their allowances. What nothing allows is denied. docs/guides/iam-policies.md tells it to people.
import type { Decision, ResourcePath } from "../../call.ts";
import { formatPath } from "../../call.ts";
import type { TokenLimit } from "../../kind.ts";
import type { ConditionContext } from "./condition.ts";
import { outside } from "./limits.ts";
import { type Boundary, type Grant, type Guard, isExempt, type Policy, type Settled } from "./policy.ts";
import { matchesResource, mayReachInto } from "./resource-pattern.ts";
import type { Statement } from "./statements.ts";

/**
 * How many conditions one decision evaluates; what is beyond counts as one that can't be evaluated. Each costs a few microseconds as people
 * write them, and some milliseconds at worst: so nobody can keep the server busy with a policy of their own.
 */
const mostEvaluated = 100;

/** What is asked. */
export interface Question {
  readonly action: string;
  readonly path: ResourcePath;
  /** Of the token; left out: none. */
  readonly limits?: readonly TokenLimit[] | undefined;
  /** Read at most once, and only where a condition must be evaluated. */
  readonly context: () => Promise<ConditionContext>;
}

/** What decided. */
export type Verdict =
  | { readonly by: "limit"; readonly limit: TokenLimit }
  | { readonly by: "guardrail"; readonly guard: Guard; readonly statement: Statement }
  /** Without a statement: it does not allow it. */
  | { readonly by: "boundary"; readonly boundary: Boundary; readonly statement: Statement | undefined }
  | { readonly by: "denial" | "allowance"; readonly grant: Grant; readonly statement: Statement }
  | { readonly by: "nothing" };

/** Whether a statement's conditions hold; undefined: they can't be told without the context. */
export type Holds = (statement: Statement) => boolean | undefined;

/**
 * Decides. Grants add up, a denial wins over every allowance, and without an allowance nothing is allowed.
 * A condition that can't be evaluated (an attribute is not there) lets nothing through: an allowance does not hold, a denial does.
 * A denial of single resources also denies actions that name none but reach them (list, watch); creating makes a new one, and is not denied by it.
 */
export function decide(policy: Policy, question: Question): Decision | Promise<Decision> {
  return settledDecision(policy, question) ?? decideAnew(policy, question);
}

/** Actions of one policy that are remembered: few callers use more. */
const mostSettled = 64;

/** What is decided alike for every resource, from memory. */
function settledDecision(policy: Policy, question: Question): Decision | undefined {
  const { settled } = policy;
  if (settled === undefined || (question.limits !== undefined && question.limits.length > 0)) return undefined;
  const known = settled.get(question.action) ?? settle(policy, settled, question);
  if (known === "open") return undefined;
  // What nothing allows is told with the path that was asked for.
  return known === "nothing" ? decisionOf({ by: "nothing" }, policy, question) : known;
}

function settle(policy: Policy, settled: NonNullable<Policy["settled"]>, question: Question): Settled {
  if (settled.size >= mostSettled) settled.clear();
  const verdict = isOpen(policy, question.action) ? undefined : judge(policy, question, withoutContext);
  const decision = settledBy(verdict, policy, question);
  settled.set(question.action, decision);
  return decision;
}

function settledBy(verdict: Verdict | undefined, policy: Policy, question: Question): Settled {
  if (verdict === undefined) return "open";
  return verdict.by === "nothing" ? "nothing" : { ...decisionOf(verdict, policy, question), use: { day: -1 } };
}

/** Whether a statement about an action speaks of some resources alone. */
function isOpen({ guards, boundary, grants }: Policy, action: string): boolean {
  const sets = [...guards.map(({ guardrail }) => guardrail), ...grants.map(({ role }) => role), boundary?.role ?? []];
  return sets.flat().some((set) => {
    const { denials, allowances } = set.speaking(action);
    return denials.some(isNarrow) || allowances.some(isNarrow);
  });
}

function isNarrow({ resource }: Statement): boolean {
  return resource !== undefined;
}

function decideAnew(policy: Policy, question: Question): Decision | Promise<Decision> {
  const verdict = judge(policy, question, withoutContext);
  if (verdict !== undefined) return decisionOf(verdict, policy, question);
  return question.context().then((context) => decisionOf(judgeIn(policy, question, context), policy, question));
}

/** As `decide`, but tells what decided. */
export function judgeIn(policy: Policy, question: Question, context: ConditionContext): Verdict {
  return judge(policy, question, within(context)) ?? { by: "nothing" };
}

function withoutContext({ conditions }: Statement): boolean | undefined {
  return conditions.length === 0 ? true : undefined;
}

/** Evaluates in a context, a hundred conditions in all. */
export function within(context: ConditionContext): Holds {
  let left = mostEvaluated;
  const holds = (condition: Statement["conditions"][number]) => {
    left -= 1;
    if (left < 0) throw new Error(`a decision evaluates at most ${mostEvaluated} conditions`);
    return condition(context);
  };
  return ({ conditions, deny }) => {
    try {
      return conditions.every(holds);
    } catch {
      return deny;
    }
  };
}

/** Guardrails never deny what mends them. */
export const mending = "iam:guardrails:";

/** Undefined: it depends on a condition, and there is no context yet. */
function judge(policy: Policy, question: Question, holds: Holds): Verdict | undefined {
  const limit = outside(question.limits, question);
  if (limit !== undefined) return { by: "limit", limit };
  for (const stage of stages) {
    const verdict = stage(policy, question, holds);
    if (verdict !== "on") return verdict;
  }
  return { by: "nothing" };
}

/** "on": it has nothing to say. */
type Stage = (policy: Policy, question: Question, holds: Holds) => Verdict | "on" | undefined;

const byGuardrail: Stage = (policy, question, holds) => {
  if (policy.guards.length === 0 || question.action.startsWith(mending)) return "on";
  for (const guard of policy.guards) {
    if (isExempt(guard.guardrail, policy)) continue;
    const statement = first(guard.guardrail.speaking(question.action).denials, question, holds);
    if (statement !== "none") return statement && { by: "guardrail", guard, statement };
  }
  return "on";
};

const byBoundary: Stage = ({ boundary }, question, holds) => {
  if (boundary === undefined) return "on";
  const { denials, allowances } = boundary.role?.speaking(question.action) ?? { denials: [], allowances: [] };
  const denial = first(denials, question, holds);
  if (denial !== "none") return denial && { by: "boundary", boundary, statement: denial };
  const allowance = first(allowances, question, holds);
  if (allowance === "none") return { by: "boundary", boundary, statement: undefined };
  return allowance && "on";
};

const byDenial: Stage = ({ grants }, question, holds) => {
  for (const grant of grants) {
    const statement = first(grant.role.speaking(question.action).denials, question, holds);
    if (statement !== "none") return statement && { by: "denial", grant, statement };
  }
  return "on";
};

const byAllowance: Stage = ({ grants }, question, holds) => {
  let open = false;
  for (const grant of grants) {
    const statement = first(grant.role.speaking(question.action).allowances, question, holds);
    if (statement === undefined) open = true;
    else if (statement !== "none") return { by: "allowance", grant, statement };
  }
  return open ? undefined : "on";
};

const stages: readonly Stage[] = [byGuardrail, byBoundary, byDenial, byAllowance];

/** The first that speaks of the path and holds; "none": none does; undefined: it depends on a condition. */
function first(statements: readonly Statement[], question: Question, holds: Holds): Statement | "none" | undefined {
  for (const statement of statements) {
    if (!speaksOf(statement, question)) continue;
    const held = holds(statement);
    if (held === undefined) return undefined;
    if (held) return statement;
  }
  return "none";
}

/** Whether a statement that speaks of the action speaks of the path, too. */
export function speaksOf({ resource, deny }: Statement, { path, action }: Pick<Question, "path" | "action">): boolean {
  if (resource === undefined) return true;
  const parts = formatPath(path).split("/");
  if (matchesResource(resource, parts)) return true;
  return deny && path.id === "" && !action.endsWith(":create") && mayReachInto(resource, parts);
}

function decisionOf(verdict: Verdict, policy: Policy, question: Question): Decision {
  const grant = "grant" in verdict ? verdict.grant : undefined;
  return {
    allowed: verdict.by === "allowance",
    explanation: sentenceOf(verdict, policy, question),
    roleId: grant?.role.id ?? "",
    roleBindingId: grant?.bindingId ?? "",
    guardrailId: verdict.by === "guardrail" ? verdict.guard.guardrail.id : "",
    by: verdict.by,
  };
}

function placeName(path: string): string {
  return path === "" ? "the system" : path;
}

/** What decided, for people. */
export function sentenceOf(verdict: Verdict, { principal }: Policy, { action, path }: Question): string {
  switch (verdict.by) {
    case "limit":
      return `The token is narrowed, and does not reach ${action} on ${placeName(formatPath(path))}.`;
    case "guardrail":
      return `Denied by the guardrail ${verdict.guard.guardrail.id} of ${placeName(verdict.guard.scope)}.`;
    case "boundary":
      return `${verdict.statement === undefined ? "Not allowed" : "Denied"} by the role ${verdict.boundary.roleId}, which bounds ${principal}.`;
    case "denial":
    case "allowance": {
      const { role, bindingId, scope, group } = verdict.grant;
      const receiver = group === undefined ? principal : `${group}, in which ${principal} is,`;
      return `${verdict.by === "allowance" ? "Allowed" : "Denied"} by the role ${role.id}, which the binding ${bindingId} gives ${receiver} at ${placeName(scope)}.`;
    }
    case "nothing":
      return `No role of ${principal} at ${placeName(formatPath(path))} or above allows ${action}.`;
  }
}
