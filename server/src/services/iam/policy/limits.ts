// What a token was narrowed to. All limits hold; each allows what matches one of its actions and its resource.
import { formatPath, type ResourcePath } from "../../call.ts";
import type { TokenLimit } from "../../kind.ts";
import { type ActionPattern, actionParts, compileAction, coversAction, matchesAction } from "./action.ts";
import { compileResource, coversResource, matchesResource, type ResourcePattern } from "./resource-pattern.ts";
import type { Statement } from "./statements.ts";

interface Compiled {
  readonly actions: readonly ActionPattern[];
  readonly resource: ResourcePattern;
}

/** A session's limits are the same object for as long as its token is known. */
const known = new WeakMap<TokenLimit, Compiled>();

function compiled(limit: TokenLimit): Compiled {
  const found = known.get(limit);
  if (found !== undefined) return found;
  const made = { actions: limit.actions.map(compileAction), resource: compileResource(limit.resource) };
  known.set(limit, made);
  return made;
}

/**
 * The first limit that does not reach what is asked; undefined: all do. A limit to one resource reaches what names that resource alone: a
 * list would show others, and is outside; a limit to all resources of a type (".../vm/*") reaches them.
 */
export function outside(
  limits: readonly TokenLimit[] | undefined,
  { action, path }: { readonly action: string; readonly path: ResourcePath },
): TokenLimit | undefined {
  if (limits === undefined || limits.length === 0) return undefined;
  const parts = actionParts(action);
  const place = formatPath(path).split("/");
  return limits.find((limit) => {
    const { actions, resource } = compiled(limit);
    return !actions.some((pattern) => matchesAction(pattern, parts)) || !matchesResource(resource, place);
  });
}

/** Whether everything that a statement speaks of is within the limits. */
export function withinLimits(limits: readonly TokenLimit[] | undefined, { action, resource }: Statement): boolean {
  return (limits ?? []).every((limit) => {
    const known = compiled(limit);
    return known.actions.some((wide) => coversAction(wide, action)) && coversResource(known.resource, resource);
  });
}
