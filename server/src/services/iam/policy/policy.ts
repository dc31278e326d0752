// All that speaks of one principal at one place, collected: what a decision is made of.
import type { Decision } from "../../call.ts";
import type { CompiledGuardrail, CompiledRole } from "./statements.ts";

/** A binding that holds at a scope, with its role. */
export interface Grant {
  readonly bindingId: string;
  /** Where it was given: "org/acme-corp/project/alpha"; "" is the system. */
  readonly scope: string;
  readonly role: CompiledRole;
  /** The group by which it came: "group:acme-corp/operators"; undefined: it speaks of the principal itself. */
  readonly group?: string;
}

/** A guardrail that holds at a scope. */
export interface Guard {
  readonly scope: string;
  readonly guardrail: CompiledGuardrail;
}

/** A role that bounds a principal. */
export interface Boundary {
  readonly roleId: string;
  /** Undefined: the role is gone, and nothing is allowed. */
  readonly role: CompiledRole | undefined;
}

/** What is decided alike for every resource, whatever a condition could say; "nothing": nothing speaks of it; "open": it depends. */
export type Settled = Decision | "nothing" | "open";

export interface Policy {
  /** "user:acme-corp/alice" */
  readonly principal: string;
  /** Those that it is stored in and those that its login brought. */
  readonly groups: readonly string[];
  /** The system's first, those of the project last; also those that it is exempt from. */
  readonly guards: readonly Guard[];
  readonly boundary: Boundary | undefined;
  /** The nearest scope first. */
  readonly grants: readonly Grant[];
  /** By action. Left out: nothing is kept. */
  readonly settled?: Map<string, Settled>;
}

/** Whether a guardrail does not hold for a principal. */
export function isExempt({ exempt }: CompiledGuardrail, { principal, groups }: Policy): boolean {
  return exempt.size > 0 && (exempt.has(principal) || groups.some((group) => exempt.has(group)));
}
