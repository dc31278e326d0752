// A compiled statement in the words in which it was written.
import type { ResourcePattern } from "../policy/resource-pattern.ts";
import type { Statement } from "../policy/statements.ts";

export function resourceText(resource: ResourcePattern): string {
  return resource?.join("/") ?? "";
}

/** Conditions that all must hold, as one expression. */
export function joined({ conditionTexts }: Statement): string {
  const [first = "", ...more] = conditionTexts;
  return more.length === 0 ? first : conditionTexts.map((text) => `(${text})`).join(" && ");
}
