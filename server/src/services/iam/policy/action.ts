// Action patterns: "compute:vms:*". A `*` stands for any one part; as the last part it stands for all that follow.

/** A compiled action pattern. */
export interface ActionPattern {
  readonly text: string;
  readonly parts: readonly string[];
  /** The last part was `*`; it is not among `parts`, and matches one part or more. */
  readonly open: boolean;
}

export function compileAction(text: string): ActionPattern {
  const parts = text.split(":");
  const open = parts.at(-1) === "*";
  return { text, parts: open ? parts.slice(0, -1) : parts, open };
}

/** What is wrong with a pattern; undefined: nothing. */
export function actionProblem(text: string): string | undefined {
  const parts = text.split(":");
  if (parts.length > 3) return `${JSON.stringify(text)} has ${parts.length} parts; give {area}:{plural}:{verb}`;
  if (parts.length < 3 && parts.at(-1) !== "*")
    return `${JSON.stringify(text)} matches nothing; give {area}:{plural}:{verb}, or end it with * ("${text}:*")`;
  const bad = parts.find((part) => part !== "*" && !/^[a-z0-9_-]+$/.test(part));
  if (bad === undefined) return undefined;
  return `${JSON.stringify(text)}: the part ${JSON.stringify(bad)} must be * alone or a-z, 0-9, _ and -`;
}

/** Splits an action once, for many matches. */
export function actionParts(action: string): readonly string[] {
  return action.split(":");
}

export function matchesAction(pattern: ActionPattern, action: readonly string[]): boolean {
  const { parts, open } = pattern;
  if (open ? action.length <= parts.length : action.length !== parts.length) return false;
  return parts.every((part, index) => part === "*" || part === action[index]);
}

/** Writing guardrails: what binds administrators must not come with a star that they have for everything. */
const distinct: readonly string[] = ["create", "update", "delete"].map((verb) => `iam:guardrails:${verb}`);

/** Whether an allowance of this pattern may speak of an action: one that is distinct must be named, at least by its plural. */
export function mayAllow({ parts }: ActionPattern, action: string): boolean {
  return parts[1] === "guardrails" || !distinct.includes(action);
}

/** Whether a pattern names what is distinct: then only one that names it, too, is as wide. One that names reading alone does not. */
export function namesDistinct({ parts }: ActionPattern): boolean {
  const [area, plural, verb = "*"] = parts;
  if (plural !== "guardrails" || (area !== "iam" && area !== "*")) return false;
  return verb === "*" || distinct.includes(`iam:guardrails:${verb}`);
}

/** Whether everything that `narrow` matches is matched by `wide`. */
export function coversAction(wide: ActionPattern, narrow: ActionPattern): boolean {
  if (wide.open ? narrow.parts.length + (narrow.open ? 1 : 0) <= wide.parts.length : narrow.open) return false;
  if (!wide.open && narrow.parts.length !== wide.parts.length) return false;
  return wide.parts.every((part, index) => part === "*" || part === narrow.parts[index]);
}

/** Whether some action is matched by both. */
export function overlapsAction(one: ActionPattern, other: ActionPattern): boolean {
  if (!one.open && one.parts.length < other.parts.length + (other.open ? 1 : 0)) return false;
  if (!other.open && other.parts.length < one.parts.length + (one.open ? 1 : 0)) return false;
  const shared = Math.min(one.parts.length, other.parts.length);
  for (let index = 0; index < shared; index += 1) {
    const [a, b] = [one.parts[index], other.parts[index]];
    if (a !== "*" && b !== "*" && a !== b) return false;
  }
  return true;
}
