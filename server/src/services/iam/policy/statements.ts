// What is allowed and denied, as the decision reads it: compiled once, and found by the action that is asked for.
import type { Guardrail } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { Effect, type Permission, type Role } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { type ActionPattern, actionParts, compileAction, matchesAction, mayAllow } from "./action.ts";
import { type Condition, compileCondition } from "./condition.ts";
import type { Written } from "./problems.ts";
import { compileResource, type ResourcePattern } from "./resource-pattern.ts";

/** One permission of a role, or one statement of a guardrail, compiled. */
export interface Statement {
  readonly deny: boolean;
  readonly action: ActionPattern;
  readonly resource: ResourcePattern;
  /** As they were written, for comparisons. */
  readonly conditionTexts: readonly string[];
  readonly conditions: readonly Condition[];
}

/** The statements that speak of one action, each with those first that have no conditions: they cost nothing to evaluate. */
export interface Speaking {
  readonly denials: readonly Statement[];
  readonly allowances: readonly Statement[];
}

/** Actions that are remembered; there are some hundred permissions, but a caller may ask for any word. */
const mostActions = 500;
const silence: Speaking = { denials: [], allowances: [] };

/** Statements that come together. */
export class StatementSet {
  readonly statements: readonly Statement[];
  readonly #byAction = new Map<string, Speaking>();

  constructor(statements: readonly Statement[]) {
    this.statements = statements;
  }

  speaking(action: string): Speaking {
    return this.#byAction.get(action) ?? this.#find(action);
  }

  #find(action: string): Speaking {
    const parts = actionParts(action);
    const found = this.statements
      .filter((statement) => matchesAction(statement.action, parts))
      .filter((statement) => statement.deny || mayAllow(statement.action, action))
      .toSorted((one, other) => Math.sign(one.conditions.length) - Math.sign(other.conditions.length));
    const of = (deny: boolean) => found.filter((statement) => statement.deny === deny);
    const speaking = found.length === 0 ? silence : { denials: of(true), allowances: of(false) };
    if (this.#byAction.size >= mostActions) this.#byAction.clear();
    this.#byAction.set(action, speaking);
    return speaking;
  }
}

/** A role with its statements. */
export class CompiledRole extends StatementSet {
  readonly id: string;
  /** Counts the changes of its permissions; 0 where it was never told. */
  readonly version: number;

  constructor(id: string, version: number, statements: readonly Statement[]) {
    super(statements);
    this.id = id;
    this.version = version;
  }
}

/** A guardrail: nothing but denials. */
export class CompiledGuardrail extends StatementSet {
  readonly id: string;
  /** Names of users, service accounts and groups. */
  readonly exempt: ReadonlySet<string>;

  constructor(id: string, exempt: readonly string[], statements: readonly Statement[]) {
    super(statements);
    this.id = id;
    this.exempt = new Set(exempt);
  }
}

function compiled(deny: boolean, { action, resourcePattern, conditions }: Written): Statement {
  return {
    deny,
    action: compileAction(action),
    resource: compileResource(resourcePattern),
    conditionTexts: conditions,
    conditions: conditions.map(conditionOf),
  };
}

export function compileStatement(permission: Permission): Statement {
  return compiled(permission.effect === Effect.DENY, permission);
}

export function compileRole(role: Role): CompiledRole {
  return new CompiledRole(role.id, Number(role.version), role.permissions.map(compileStatement));
}

export function compileGuardrail({ id, exemptPrincipals, statements }: Guardrail): CompiledGuardrail {
  return new CompiledGuardrail(
    id,
    exemptPrincipals,
    statements.map((statement) => compiled(true, statement)),
  );
}

/** A condition that no longer compiles throws: then what it allows is not allowed, and what it denies is denied. */
function conditionOf(text: string): Condition {
  const condition = compileCondition(text);
  if (condition.ok) return condition.condition;
  return () => {
    throw new Error(`the condition ${JSON.stringify(text)} ${condition.problem}`);
  };
}
