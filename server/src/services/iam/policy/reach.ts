// Whether somebody may do something where nobody calls yet: what depends on conditions is told with them, not evaluated.
import type { ResourcePath } from "../../call.ts";
import { mending, speaksOf } from "./decide.ts";
import { type Grant, isExempt, type Policy } from "./policy.ts";
import type { Statement, StatementSet } from "./statements.ts";

/** What allows it. */
export interface Way {
  readonly grant: Grant;
  readonly statement: Statement;
}

/** What denies it where its conditions hold. */
export interface Unless {
  readonly scope: string;
  readonly statement: Statement;
}

export interface Reach {
  /** Each is enough; none: it may not. */
  readonly ways: readonly Way[];
  /** One of them must hold, too, where there are any: allowances of the boundary. */
  readonly onlyIf: readonly Statement[];
  readonly unless: readonly Unless[];
}

const never: Reach = { ways: [], onlyIf: [], unless: [] };

interface Asked {
  readonly action: string;
  readonly path: ResourcePath;
}

const isSure = ({ conditions }: Statement) => conditions.length === 0;

function denialsIn(set: StatementSet, asked: Asked): readonly Statement[] {
  return set.speaking(asked.action).denials.filter((statement) => speaksOf(statement, asked));
}

function allowancesIn(set: StatementSet, asked: Asked): readonly Statement[] {
  return set.speaking(asked.action).allowances.filter((statement) => speaksOf(statement, asked));
}

export function reachOf(policy: Policy, action: string, path: ResourcePath): Reach {
  const asked = { action, path };
  const unless = denialsOf(policy, asked);
  if (unless.some(({ statement }) => isSure(statement))) return never;
  const bounds = policy.boundary && (policy.boundary.role ? allowancesIn(policy.boundary.role, asked) : []);
  if (bounds?.length === 0) return never;
  const ways = policy.grants.flatMap((grant) =>
    allowancesIn(grant.role, asked).map((statement) => ({ grant, statement })),
  );
  return { ways, unless, onlyIf: bounds?.some(isSure) ? [] : (bounds ?? []) };
}

function denialsOf(policy: Policy, asked: Asked): readonly Unless[] {
  const { guards, boundary, grants } = policy;
  const guarding = asked.action.startsWith(mending)
    ? []
    : guards.filter(({ guardrail }) => !isExempt(guardrail, policy));
  const sets: readonly (readonly [string, StatementSet])[] = [
    ...guarding.map(({ scope, guardrail }) => [scope, guardrail] as const),
    ...(boundary?.role ? [["", boundary.role] as const] : []),
    ...grants.map(({ scope, role }) => [scope, role] as const),
  ];
  return sets.flatMap(([scope, set]) => denialsIn(set, asked).map((statement) => ({ scope, statement })));
}
