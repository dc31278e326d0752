// A kind with its slice: what the catalog says of it and what its component adds.
import type { Catalog, Field, Kind } from "@photoncloud/proto";
import { elementType, fieldsWithin, Scope } from "@photoncloud/proto";
import { Fault } from "../../fault.ts";
import type { KindDefinition } from "../kind.ts";

export interface Slice {
  readonly kind: Kind;
  readonly definition: KindDefinition;
  /** The volatile outputs that are stored beside what was asked for: all but the status, which is derived, and what the row itself says. */
  readonly observed: readonly Field[];
  /** Whether a message of this kind may hold anything that the log must not. */
  readonly hasSecrets: boolean;
  /** What its resources add to, of what quotas add up; with the path of the field that does so, as far as it is one field alone. */
  readonly adds: ReadonlyMap<string, string>;
}

/** Every kind that this server serves. */
export interface Slices {
  readonly catalog: Catalog;
  readonly all: readonly Slice[];
  /** @throws Fault UNIMPLEMENTED if the catalog has the kind, but this server does not serve it. */
  of(typeName: string): Slice;
  find(typeName: string): Slice | undefined;
  /** The kind whose resources are the scopes of a level: Org, Project. */
  scopeKind(level: Scope): Kind | undefined;
}

const ofTheRow = new Set(["etag", "update_time", "status"]);

/** All fields inside a kind's messages, at any depth, without the kind's own. */
function innerFields(fields: readonly Field[]): readonly Field[] {
  return fields.flatMap((field) => {
    const type = elementType(field.type);
    return type.type === "message" ? [...type.fields, ...innerFields(type.fields)] : [];
  });
}

/** The path of a list stands for those of its entries. */
function addsOf(fields: readonly Field[], within = ""): ReadonlyMap<string, string> {
  return new Map(
    fields.flatMap(({ name, type, options }): (readonly [string, string])[] => {
      const path = `${within}${name}`;
      const list = type.type === "list" || type.type === "map";
      const inner = [...addsOf(fieldsWithin(type), `${path}.`)].map(([to, at]) => [to, list ? path : at] as const);
      return options?.addsTo ? [[options.addsTo, path], ...inner] : inner;
    }),
  );
}

function sliceOf(kind: Kind, definition: KindDefinition): Slice {
  const inner = innerFields(kind.fields);
  const lost = inner.find((field) => (field.outputOnly && field.volatile) || field.once);
  if (lost !== undefined)
    throw new Error(
      `${kind.typeName}: ${lost.desc} is VOLATILE or ONCE; only a kind's own fields can be, others would not be stored`,
    );
  const known = new Set(kind.queries.map(({ desc }) => desc.name));
  const unknown = Object.keys(definition.queries ?? {}).find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`${kind.typeName}: ${unknown} is no query of the catalog`);
  return {
    kind,
    definition,
    observed: kind.fields.filter((field) => field.outputOnly && field.volatile && !ofTheRow.has(field.name)),
    hasSecrets: [...kind.fields, ...inner].some((field) => field.sensitive || field.inputOnly || field.once),
    adds: addsOf(kind.fields),
  };
}

/** @throws Error if a definition's kind is not in the catalog, is given twice, or has a field that would not be stored. */
export function makeSlices(catalog: Catalog, kinds: readonly KindDefinition[]): Slices {
  const byName = new Map<string, Slice>();
  for (const definition of kinds) {
    const kind = catalog.byTypeName(definition.schema.typeName);
    if (kind === undefined) throw new Error(`${definition.schema.typeName} is no kind of the catalog`);
    if (byName.has(kind.typeName)) throw new Error(`${kind.typeName} is defined twice`);
    byName.set(kind.typeName, sliceOf(kind, definition));
  }
  return {
    catalog,
    all: [...byName.values()],
    find: (typeName) => byName.get(typeName),
    of(typeName) {
      const slice = byName.get(typeName);
      if (slice === undefined) throw new Fault("UNIMPLEMENTED", `this server does not serve ${typeName}`);
      return slice;
    },
    scopeKind: (level) =>
      level === Scope.UNSPECIFIED ? undefined : catalog.kinds.find((kind) => kind.isScope === level),
  };
}
