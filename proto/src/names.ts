// Names as the surfaces write them: of kinds and fields in the cases of each language, of enum values without their prefix.
import type { EnumFacts } from "./facts.ts";

/** "security_groups" → "SecurityGroups" */
export function pascalCase(snake: string): string {
  return snake.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** "security_groups" → "securityGroups" */
export function camelCase(snake: string): string {
  return snake.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The short name of an enum's value, as the CLI and Terraform show it: DIRECTION_INGRESS → "ingress". The zero value is "". */
export function enumShortName(desc: EnumFacts, number: number): string | undefined {
  const value = desc.values.find((v) => v.number === number);
  if (value === undefined) return undefined;
  return number === 0 && value.name.endsWith("_UNSPECIFIED")
    ? ""
    : value.name.slice((desc.sharedPrefix ?? "").length).toLowerCase();
}

/** The number of an enum's value by its short name, or undefined. */
export function enumNumber(desc: EnumFacts, shortName: string): number | undefined {
  return desc.values.find((v) => enumShortName(desc, v.number) === shortName)?.number;
}

/** "ipAddress" → "ip_address" */
export function snakeCase(camel: string): string {
  return camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * A method's name without its noun: StartVm → start, IssueToken → issue, ListEvents → list, AttachDevice → attachDevice.
 *
 * @param nouns The nouns in PascalCase: ["Vm"], ["Event", "Events"].
 */
export function shortMethodName(method: string, nouns: readonly string[]): string {
  const noun = nouns.find((candidate) => method.endsWith(candidate) && method.length > candidate.length);
  const short = noun === undefined ? method : method.slice(0, -noun.length);
  return short.charAt(0).toLowerCase() + short.slice(1);
}
