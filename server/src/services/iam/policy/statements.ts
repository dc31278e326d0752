// A role as the decision reads it: its permissions, compiled once.
import { Effect, type Permission, type Role } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { type ActionPattern, compileAction } from "./action.ts";
import { type Condition, compileCondition } from "./condition.ts";
import { compileResource, type ResourcePattern } from "./resource-pattern.ts";

/** One permission of a role, compiled. */
export interface Statement {
  readonly deny: boolean;
  readonly action: ActionPattern;
  readonly resource: ResourcePattern;
  /** As they were written, for comparisons. */
  readonly conditionTexts: readonly string[];
  readonly conditions: readonly Condition[];
}

/** A role with its statements. */
export interface CompiledRole {
  readonly id: string;
  readonly statements: readonly Statement[];
}

export function compileStatement(permission: Permission): Statement {
  return {
    deny: permission.effect === Effect.DENY,
    action: compileAction(permission.action),
    resource: compileResource(permission.resourcePattern),
    conditionTexts: permission.conditions,
    conditions: permission.conditions.map(conditionOf),
  };
}

export function compileRole(role: Role): CompiledRole {
  return { id: role.id, statements: role.permissions.map(compileStatement) };
}

/** A condition that no longer compiles throws: then what it allows is not allowed, and what it denies is denied. */
function conditionOf(text: string): Condition {
  const compiled = compileCondition(text);
  if (compiled.ok) return compiled.condition;
  return () => {
    throw new Error(`the condition ${JSON.stringify(text)} ${compiled.problem}`);
  };
}
