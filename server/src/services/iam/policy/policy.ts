// All that is given to one principal at one place, sorted so that the first statement that matches decides.
import { actionParts, matchesAction } from "./action.ts";
import type { CompiledRole, Statement } from "./statements.ts";

/** A binding that holds at a scope, with its role. */
export interface Grant {
  readonly bindingId: string;
  /** Where it was given: "org/acme-corp/project/alpha"; "" is the system. */
  readonly scope: string;
  readonly role: CompiledRole;
}

/** A statement that speaks of an action, with the grant that brings it. */
export interface Candidate {
  readonly grant: Grant;
  readonly statement: Statement;
}

/** Actions whose candidates are kept; there are some hundred permissions, but a caller may ask for any word. */
const mostActions = 500;

/** Denials before allowances, and among each those without conditions, which cost nothing to evaluate. */
function rank({ statement }: Candidate): number {
  return (statement.deny ? 0 : 2) + (statement.conditions.length > 0 ? 1 : 0);
}

export class Policy {
  /** The nearest scope first. */
  readonly grants: readonly Grant[];
  readonly #byAction = new Map<string, readonly Candidate[]>();

  constructor(grants: readonly Grant[]) {
    this.grants = grants;
  }

  /** What speaks of an action, in the order in which it is looked at. */
  candidates(action: string): readonly Candidate[] {
    const known = this.#byAction.get(action);
    if (known !== undefined) return known;
    const parts = actionParts(action);
    const found = this.grants
      .flatMap((grant) => grant.role.statements.map((statement) => ({ grant, statement })))
      .filter(({ statement }) => matchesAction(statement.action, parts))
      .toSorted((one, other) => rank(one) - rank(other));
    if (this.#byAction.size >= mostActions) this.#byAction.clear();
    this.#byAction.set(action, found);
    return found;
  }
}
