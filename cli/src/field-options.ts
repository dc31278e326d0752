// Puts flags of fields on a command, and reads back what was given.
import type { Kind } from "@photoncloud/proto";
import { type Command, Option } from "commander";
import { type Flag, helpOf, isMark, placeholderOf } from "./flags.ts";
import { type GivenFlags, secretVariable } from "./input.ts";

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function secretOption(kind: Kind, flag: Flag): Option {
  const help = `${helpOf(flag)} Read from standard input; or set ${secretVariable(kind, flag)}`;
  return new Option(`--${flag.name}-stdin`, help);
}

function fieldOption(flag: Flag): Option {
  if (isMark(flag.field.type)) return new Option(`--${flag.name}`, helpOf(flag));
  const boolean = flag.field.type.type === "bool";
  const shown = placeholderOf(flag.field);
  const option = new Option(boolean ? `--${flag.name} [${shown}]` : `--${flag.name} <${shown}>`, helpOf(flag));
  option.argParser(collect);
  return boolean ? option.preset("true") : option;
}

/** Adds a flag for each field; a secret's takes no value, so that none is seen in a list of processes. */
export function addFieldOptions(command: Command, kind: Kind, flags: readonly Flag[]): Command {
  for (const flag of flags) {
    command.addOption(flag.field.sensitive ? secretOption(kind, flag) : fieldOption(flag));
    if (flag.field.type.type === "bool") command.addOption(new Option(`--no-${flag.name}`).hideHelp());
  }
  return command;
}

function optionValue(command: Command, name: string): unknown {
  const option = command.options.find((candidate) => candidate.long === `--${name}`);
  return option === undefined ? undefined : command.getOptionValue(option.attributeName());
}

export function givenFlags(command: Command, flags: readonly Flag[]): GivenFlags {
  const given = new Map<string, readonly string[]>();
  for (const flag of flags) {
    const value = optionValue(command, flag.name);
    if (Array.isArray(value)) given.set(flag.name, value.map(String));
    else if (typeof value === "string" || typeof value === "boolean") given.set(flag.name, [String(value)]);
  }
  return given;
}

export function givenSecrets(command: Command, flags: readonly Flag[]): Set<string> {
  const secret = flags.filter((flag) => flag.field.sensitive && optionValue(command, `${flag.name}-stdin`) === true);
  return new Set(secret.map((flag) => flag.name));
}
