// Resource patterns: "org/acme-corp/project/*/vm/*". A `*` stands for any one part. As the last part it also stands for a part that
// is not there, so that ".../vm/*" speaks of creating and listing VMs too, where no id is known yet.

/** A compiled resource pattern; undefined stands for everything. */
export type ResourcePattern = readonly string[] | undefined;

export function compileResource(text: string | undefined): ResourcePattern {
  return text === undefined || text === "" || text === "*" ? undefined : text.split("/");
}

const partShape = /^(\*|[A-Za-z0-9_.-]+)$/;

/** What is wrong with a pattern; undefined: nothing. */
export function resourceProblem(text: string): string | undefined {
  if (text === "" || text === "*") return undefined;
  const parts = text.split("/");
  const bad = parts.find((part) => !partShape.test(part));
  if (bad !== undefined) return `${JSON.stringify(text)}: the part ${JSON.stringify(bad)} must be * alone or an id`;
  if (parts.length > 6) return `${JSON.stringify(text)} has ${parts.length} parts; a resource path has at most 6`;
  return undefined;
}

export function matchesResource(pattern: ResourcePattern, path: readonly string[]): boolean {
  if (pattern === undefined) return true;
  const lastMayLack = pattern.length === path.length + 1 && pattern.at(-1) === "*";
  if (pattern.length !== path.length && !lastMayLack) return false;
  return path.every((part, index) => pattern[index] === "*" || pattern[index] === part);
}

/** Whether a denial speaks of a path that names no single resource (a list): it does where any resource below may be one that is denied. */
export function mayReachInto(pattern: ResourcePattern, path: readonly string[]): boolean {
  if (pattern === undefined || pattern.length !== path.length + 1) return false;
  return path.every((part, index) => pattern[index] === "*" || pattern[index] === part);
}

/** Whether everything that `narrow` matches is matched by `wide`. */
export function coversResource(wide: ResourcePattern, narrow: ResourcePattern): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined || narrow.length !== wide.length) return false;
  return wide.every((part, index) => part === "*" || part === narrow[index]);
}

/** Whether some path may be matched by both. Wrong on the safe side: lengths that differ by the last part count as overlapping. */
export function overlapsResource(one: ResourcePattern, other: ResourcePattern): boolean {
  if (one === undefined || other === undefined) return true;
  if (Math.abs(one.length - other.length) > 1) return false;
  return one.every((part, index) => {
    const theirs = other[index];
    return theirs === undefined || part === "*" || theirs === "*" || part === theirs;
  });
}
