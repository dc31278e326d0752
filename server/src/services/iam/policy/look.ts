// A decision with everything that was looked at on the way, for people who ask why. Slow beside `decide`, and of the same mind.
import type { Condition, ConditionContext } from "./condition.ts";
import { judgeIn, type Question, speaksOf, type Verdict } from "./decide.ts";
import { type Boundary, type Grant, type Guard, isExempt, type Policy } from "./policy.ts";
import type { Statement, StatementSet } from "./statements.ts";

export type Outcome =
  | "decided"
  | "matched"
  | "passed"
  | "other_action"
  | "other_resource"
  | "condition_false"
  | "condition_failed"
  | "exempt";

/** Where a statement comes from, by the part of the order that reads it. */
export type Source =
  | { readonly stage: "guardrail"; readonly guard: Guard }
  | { readonly stage: "boundary"; readonly boundary: Boundary }
  | { readonly stage: "denial" | "allowance"; readonly grant: Grant };

export interface Looked {
  readonly source: Source;
  readonly statement: Statement;
  readonly outcome: Outcome;
  /** For people; "" where there is nothing to say. */
  readonly why: string;
}

export interface Look {
  readonly verdict: Verdict;
  /** In the order in which they are asked. */
  readonly looked: readonly Looked[];
}

/** Conditions that one explanation evaluates, beside those of the decision. */
const mostEvaluated = 200;

export function look(policy: Policy, question: Question, context: ConditionContext): Look {
  const verdict = judgeIn(policy, question, context);
  const evaluate = evaluator(context);
  const looked = sourcesOf(policy).flatMap(([source, set]) =>
    set.statements
      .filter((statement) => isRead(source, statement))
      .map((statement) => ({
        source,
        statement,
        ...resultOf({ policy, question, verdict, evaluate }, source, statement),
      })),
  );
  return { verdict, looked };
}

function sourcesOf({ guards, boundary, grants }: Policy): readonly (readonly [Source, StatementSet])[] {
  const bounding: [Source, StatementSet][] = boundary?.role ? [[{ stage: "boundary", boundary }, boundary.role]] : [];
  const granting = (stage: "denial" | "allowance") =>
    grants.map((grant): [Source, StatementSet] => [{ stage, grant }, grant.role]);
  return [
    ...guards.map((guard): [Source, StatementSet] => [{ stage: "guardrail", guard }, guard.guardrail]),
    ...bounding,
    ...granting("denial"),
    ...granting("allowance"),
  ];
}

/** Denials of roles are read before their allowances; a boundary is read whole. */
function isRead({ stage }: Source, { deny }: Statement): boolean {
  return stage === "denial" ? deny : stage === "allowance" ? !deny : true;
}

type Evaluate = (condition: Condition) => boolean | string;

/** Answers what a condition gives, or why it can't be evaluated. */
function evaluator(context: ConditionContext): Evaluate {
  let left = mostEvaluated;
  return (condition) => {
    left -= 1;
    if (left < 0) return `an explanation evaluates at most ${mostEvaluated} conditions`;
    try {
      return condition(context);
    } catch (error) {
      return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    }
  };
}

interface Asked {
  readonly policy: Policy;
  readonly question: Question;
  readonly verdict: Verdict;
  readonly evaluate: Evaluate;
}

function resultOf(asked: Asked, source: Source, statement: Statement): Pick<Looked, "outcome" | "why"> {
  const { policy, question } = asked;
  const set = source.stage === "guardrail" ? source.guard.guardrail : setOf(source);
  const { denials, allowances } = set?.speaking(question.action) ?? { denials: [], allowances: [] };
  if (!denials.includes(statement) && !allowances.includes(statement)) return { outcome: "other_action", why: "" };
  if (source.stage === "guardrail" && isExempt(source.guard.guardrail, policy))
    return { outcome: "exempt", why: "the principal or one of its groups is exempt from it" };
  if (!speaksOf(statement, question)) return { outcome: "other_resource", why: "" };
  return byConditions(asked, source, statement);
}

function setOf(source: Exclude<Source, { stage: "guardrail" }>): StatementSet | undefined {
  return source.stage === "boundary" ? source.boundary.role : source.grant.role;
}

function byConditions(asked: Asked, source: Source, statement: Statement): Pick<Looked, "outcome" | "why"> {
  for (const [index, condition] of statement.conditions.entries()) {
    const given = asked.evaluate(condition);
    const text = statement.conditionTexts[index] ?? "";
    if (given === false) return { outcome: "condition_false", why: `${text} is false` };
    if (typeof given !== "string") continue;
    if (!statement.deny) return { outcome: "condition_failed", why: `${text} can't be evaluated: ${given}` };
    return {
      outcome: matched(asked, source, statement),
      why: `${text} can't be evaluated, so the denial holds: ${given}`,
    };
  }
  return { outcome: matched(asked, source, statement), why: "" };
}

function matched({ verdict }: Asked, source: Source, statement: Statement): Outcome {
  if (source.stage === "boundary" && !statement.deny) return "passed";
  const decided = "statement" in verdict && verdict.statement === statement && verdict.by === source.stage;
  const same = !("grant" in source) || !("grant" in verdict) || source.grant.bindingId === verdict.grant.bindingId;
  return decided && same ? "decided" : "matched";
}
