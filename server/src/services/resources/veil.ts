// Hides from a plan's admission what the caller does not know yet: reading it ends admission, and with it the checks that would need it.
import { isMessage, type Message } from "@bufbuild/protobuf";
import type { Field, FieldType } from "@photoncloud/proto";

/** Thrown inside a plan where admission asks for a value that the caller does not know yet. */
export class UnknownNeeded extends Error {
  override readonly name = "UnknownNeeded";

  /** Nobody reads where it was thrown, and looking that up would cost a plan more than its rules. */
  constructor(path: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(path);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

type Unknown = ReadonlySet<string>;

function leadsTo(unknown: Unknown, path: string): boolean {
  for (const one of unknown)
    if (one.startsWith(path) && (one[path.length] === "." || one[path.length] === "[")) return true;
  return false;
}

function entry(unknown: Unknown, of: FieldType, path: string, value: unknown): unknown {
  if (unknown.has(path)) throw new UnknownNeeded(path);
  return leadsTo(unknown, path) ? veiledValue(unknown, of, path, value) : value;
}

/** A list or a map whose entries are looked at one by one. */
function veiledEntries(unknown: Unknown, of: FieldType, path: string, entries: object): object {
  const list = Array.isArray(entries);
  return new Proxy(entries, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof name !== "string" || !Object.hasOwn(target, name) || (list && name === "length")) return value;
      return entry(unknown, of, list ? `${path}[${name}]` : `${path}[${JSON.stringify(name)}]`, value);
    },
  });
}

function veiledValue(unknown: Unknown, type: FieldType, path: string, value: unknown): unknown {
  if (type.type === "message") return isMessage(value) ? veiled(type.fields, value, unknown, `${path}.`) : value;
  if ((type.type === "list" || type.type === "map") && typeof value === "object" && value !== null)
    return veiledEntries(unknown, type.of, path, value);
  return value;
}

/** The members of a oneof share one property. */
function veiledOneof(fields: readonly Field[], unknown: Unknown, prefix: string, value: unknown): unknown {
  for (const field of fields) if (unknown.has(prefix + field.name)) throw new UnknownNeeded(prefix + field.name);
  const chosen = typeof value === "object" && value !== null && "case" in value && "value" in value ? value : undefined;
  const field = fields.find((one) => one.localName === chosen?.case);
  if (chosen === undefined || field === undefined) return value;
  return { case: chosen.case, value: entry(unknown, field.type, prefix + field.name, chosen.value) };
}

/**
 * The message, with what is unknown out of reach: reading it throws UnknownNeeded. Everything else reads and writes through.
 *
 * @param unknown Paths in the proto's names: cidr, spec.image_id, rules["web"].remote_group_id, spec.network[0].port_id.
 */
export function veiled<T extends Message>(fields: readonly Field[], message: T, unknown: Unknown, prefix = ""): T {
  const byName = new Map(fields.filter((field) => field.oneof === undefined).map((field) => [field.localName, field]));
  return new Proxy(message, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof name !== "string") return value;
      const field = byName.get(name);
      if (field !== undefined) return entry(unknown, field.type, prefix + field.name, value);
      const members = fields.filter((one) => one.oneof?.localName === name);
      return members.length > 0 ? veiledOneof(members, unknown, prefix, value) : value;
    },
  });
}
