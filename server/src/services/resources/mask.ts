// Update masks: which fields of a request go into the stored resource. Paths are in the proto's names, nested ones with dots.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { type Field, type FieldViolation, fieldValue, mostViolations } from "@photoncloud/proto";
import { writeField } from "./fields.ts";

/** The fields from the outermost to the one that a path names; or what is wrong with the path. */
function chainOf(fields: readonly Field[], path: string): readonly Field[] | FieldViolation {
  const chain: Field[] = [];
  let within: readonly Field[] | undefined = fields;
  for (const name of path.split(".")) {
    const found: Field | undefined = within?.find((field) => field.name === name);
    if (found === undefined) return unknownPath(path, chain, within);
    if (found.outputOnly)
      return { path, rule: "output_only", message: `${path} is set by the cloud; leave it out of update_mask` };
    chain.push(found);
    within = found.type.type === "message" ? found.type.fields : undefined;
  }
  return chain;
}

function unknownPath(path: string, chain: readonly Field[], within: readonly Field[] | undefined): FieldViolation {
  const outer = chain.map((field) => field.name).join(".");
  const allowed = within?.filter((field) => !field.outputOnly).map((field) => field.name);
  const mend =
    allowed === undefined
      ? `${outer} has no fields of its own that a mask can name; write ${outer} to replace it as a whole`
      : `${outer === "" ? "there are" : `${outer} has`} ${allowed.join(", ")}`;
  return {
    path,
    rule: "unknown_path",
    message: `update_mask names ${JSON.stringify(path)}, which is no field; ${mend}`,
  };
}

function isViolation(value: readonly Field[] | FieldViolation): value is FieldViolation {
  return !Array.isArray(value);
}

/** The input that a path names; whether it or a field around it is immutable. Undefined: there is none. */
export function fieldAt(
  fields: readonly Field[],
  path: string,
): { readonly field: Field; readonly immutable: boolean } | undefined {
  const chain = chainOf(fields, path);
  const field = isViolation(chain) ? undefined : chain.at(-1);
  return field && !isViolation(chain) ? { field, immutable: chain.some((one) => one.immutable) } : undefined;
}

/** Every input that is set, as paths. A message that is set but has nothing set inside stands for itself. */
export function setPaths(fields: readonly Field[], message: Message, prefix = ""): readonly string[] {
  return fields.flatMap((field) => {
    const value = field.outputOnly ? undefined : fieldValue(field, message);
    if (value === undefined) return [];
    const path = prefix + field.name;
    if (field.type.type !== "message" || !isMessage(value)) return [path];
    const inner = setPaths(field.type.fields, value, `${path}.`);
    return inner.length > 0 ? inner : [path];
  });
}

/** More paths than any kind has fields, with room for entries of maps and lists that a plan does not know. */
const mostPaths = 4_096;
/** Longer than the path of any field, or of an entry of a map: names have at most 128 characters, and nest a few levels. */
const longestPath = 1_024;

/** What is wrong with a list of paths before any is looked at; `name` is the request's field that holds them. */
export function pathsViolations(name: string, paths: readonly string[]): readonly FieldViolation[] {
  const message = `at most ${mostPaths} paths of ${longestPath} characters are allowed`;
  const fits = paths.length <= mostPaths && paths.every((path) => path.length <= longestPath);
  return fits ? [] : [{ path: name, rule: "size", message }];
}

/** What is wrong with a mask's paths. */
export function maskViolations(fields: readonly Field[], paths: readonly string[]): readonly FieldViolation[] {
  const beyond = pathsViolations("update_mask", paths);
  if (beyond.length > 0) return beyond;
  return paths
    .map((path) => chainOf(fields, path))
    .filter(isViolation)
    .slice(0, mostViolations);
}

/**
 * Copies what the paths name from `source` into `target`; what is unset in `source` is cleared. Outputs stay as they are, and so does an
 * immutable field that the cloud filled in. `source` is taken apart: its values are not copied. Paths that name nothing are left out.
 */
export function applyMask(fields: readonly Field[], target: Message, source: Message, paths: readonly string[]): void {
  for (const path of paths) {
    const chain = chainOf(fields, path);
    if (!isViolation(chain)) copyChain(chain, target, source);
  }
}

function copyChain(chain: readonly Field[], target: Message, source: Message | undefined): void {
  const [field, ...rest] = chain;
  if (field === undefined) return;
  if (rest.length === 0) copyField(field, target, source);
  else {
    const from = source && fieldValue(field, source);
    const into = innerMessage(field, target, isMessage(from));
    if (into !== undefined) copyChain(rest, into, isMessage(from) ? from : undefined);
  }
}

/** The message in a field; an empty one is put there if it is missing and `make` says so. */
function innerMessage(field: Field, target: Message, make: boolean): Message | undefined {
  const there = fieldValue(field, target);
  if (isMessage(there)) return there;
  if (!make || field.type.type !== "message") return undefined;
  const made = create(field.type.desc);
  writeField(target, field, made);
  return made;
}

function copyField(field: Field, target: Message, source: Message | undefined): void {
  const value = source && fieldValue(field, source);
  const into = fieldValue(field, target);
  if (value === undefined) {
    if (!(field.serverDefault && field.immutable)) writeField(target, field, undefined);
  } else if (field.type.type === "message" && isMessage(value) && isMessage(into)) {
    for (const inner of field.type.fields) if (!inner.outputOnly) copyField(inner, into, value);
  } else writeField(target, field, value);
}
