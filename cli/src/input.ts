// Puts together what create and update are given: a file, flags over it, secrets from where nobody looks over a shoulder.
import { readFileSync } from "node:fs";
import type { Kind } from "@photoncloud/proto";
import { parse } from "yaml";
import { camelFields } from "./camel-keys.ts";
import type { Flag } from "./flags.ts";
import type { Io } from "./io.ts";
import { parseFlag } from "./parse-value.ts";
import { isObject } from "./plain.ts";
import { UsageError } from "./usage-error.ts";

export type Input = Record<string, unknown>;

/** What the command line gave to each flag, by the flag's name. */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

function setAt(target: Input, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = isObject(target[head]) ? { ...target[head] } : {};
  setAt(inner, rest, value);
  target[head] = inner;
}

function valueAt(target: Input, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), target);
}

/** Reads a YAML or JSON file, or "-" for standard input. Outputs in it are left out, so that what `get -o yaml` printed may be given. */
export async function readInputFile(kind: Kind, file: string, io: Io): Promise<Input> {
  const text = file === "-" ? await io.readStdin() : readFileSync(file, "utf8");
  const value: unknown = parse(text);
  if (!isObject(value)) throw new UsageError(`${file}: an object with the fields of a ${kind.noun} is wanted`);
  const outputs = new Set(kind.fields.filter((field) => field.outputOnly).map((field) => field.localName));
  return Object.fromEntries(Object.entries(camelFields(kind.fields, value)).filter(([key]) => !outputs.has(key)));
}

/** The variable of a secret: PHOTON_USER_PASSWORD. */
export function secretVariable(kind: Kind, flag: Flag): string {
  return `PHOTON_${kind.noun}_${flag.protoPath.replaceAll(".", "_")}`.toUpperCase();
}

/** Lays flags over an input. */
export function applyFlags(input: Input, flags: readonly Flag[], given: GivenFlags): void {
  for (const flag of flags) {
    const texts = given.get(flag.name);
    if (texts === undefined) continue;
    const value = parseFlag(flag.name, flag.field.type, texts);
    setAt(input, flag.path, value);
  }
}

/** Secrets come from a variable, or from standard input by --{flag}-stdin. */
export async function applySecrets(
  input: Input,
  kind: Kind,
  flags: readonly Flag[],
  fromStdin: ReadonlySet<string>,
  io: Io,
): Promise<void> {
  if (fromStdin.size > 1)
    throw new UsageError("standard input can hold one secret; give the others by their variables");
  for (const flag of flags) {
    if (!flag.field.sensitive) continue;
    const variable = io.env[secretVariable(kind, flag)];
    if (fromStdin.has(flag.name)) setAt(input, flag.path, (await io.readStdin()).replace(/\r?\n$/, ""));
    else if (variable !== undefined && variable !== "") setAt(input, flag.path, variable);
  }
}

/** Fills required messages that need nothing inside, and refuses a creation that lacks something. @throws UsageError */
export function checkRequired(input: Input, kind: Kind, flags: readonly Flag[]): void {
  for (const field of kind.fields) if (field.required && field.type.type === "message") input[field.localName] ??= {};
  const missing = flags.filter((flag) => flag.required && valueAt(input, flag.path) === undefined);
  if (missing.length === 0) return;
  const names = missing.map((flag) => `--${flag.name}`).join(", ");
  throw new UsageError(`missing: ${names} (or give them in a file with -f)`);
}
