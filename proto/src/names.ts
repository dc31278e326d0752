// Names as the surfaces write them: of kinds and fields in the cases of each language, of enum values without their prefix.
import type { DescEnum } from "@bufbuild/protobuf";

/** "security_groups" → "SecurityGroups" */
export function pascalCase(snake: string): string {
  return snake.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** "security_groups" → "securityGroups" */
export function camelCase(snake: string): string {
  return snake.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The short name of an enum's value, as the CLI and Terraform show it: DIRECTION_INGRESS → "ingress". The zero value is "". */
export function enumShortName(desc: DescEnum, number: number): string | undefined {
  const value = desc.values.find((v) => v.number === number);
  if (value === undefined) return undefined;
  return number === 0 && value.name.endsWith("_UNSPECIFIED")
    ? ""
    : value.name.slice((desc.sharedPrefix ?? "").length).toLowerCase();
}

/** The number of an enum's value by its short name, or undefined. */
export function enumNumber(desc: DescEnum, shortName: string): number | undefined {
  return desc.values.find((v) => enumShortName(desc, v.number) === shortName)?.number;
}

/** What a kind's own method does, in the words of a client of that kind: StartVm of a Vm → "start", AttachDevice of a Port → "attachDevice". */
export function verbName(kindName: string, methodName: string): string {
  const bare =
    methodName.endsWith(kindName) && methodName !== kindName ? methodName.slice(0, -kindName.length) : methodName;
  return bare.charAt(0).toLowerCase() + bare.slice(1);
}
