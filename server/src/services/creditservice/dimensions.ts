// What quotas may limit, by the catalog alone: how many resources of a tenant's kinds there are, and what their annotated numbers add up to.
import { type Catalog, type Field, fieldsWithin, type Kind, Scope } from "@photoncloud/proto";

export interface Dimension {
  /** "vms", "vcpus" */
  readonly name: string;
  /** As the store calls it. */
  readonly measure: string;
  /** "" of a count. */
  readonly unit: string;
  readonly description: string;
  readonly kinds: readonly Kind[];
}

const known = new WeakMap<Catalog, ReadonlyMap<string, Dimension>>();

/** By name, in the order of their names. @throws Error if two of them have one name, or if what is added up has several units. */
export function dimensionsOf(catalog: Catalog): ReadonlyMap<string, Dimension> {
  const dimensions = known.get(catalog) ?? readDimensions(catalog);
  known.set(catalog, dimensions);
  return dimensions;
}

function readDimensions({ kinds }: Catalog): ReadonlyMap<string, Dimension> {
  const ofTenants = kinds.filter(({ scope }) => scope !== Scope.SYSTEM);
  const found = new Map<string, Dimension>();
  for (const kind of ofTenants) add(found, countOf(kind));
  for (const kind of ofTenants) for (const field of fieldsBelow(kind.fields)) addSum(found, kind, field);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function countOf(kind: Kind): Dimension {
  const description = `How many ${kind.plural.replaceAll("_", " ")} there are.`;
  return { name: kind.plural, measure: kind.typeName, unit: "", description, kinds: [kind] };
}

function addSum(found: Map<string, Dimension>, kind: Kind, { options, comment, desc }: Field): void {
  const [name, unit] = [options?.addsTo ?? "", options?.unit ?? ""];
  if (name === "") return;
  const before = found.get(name);
  if (before === undefined) add(found, { name, measure: name, unit, description: sumOf(kind, comment), kinds: [kind] });
  else if (before.measure !== name || before.unit !== unit)
    throw new Error(`${desc}: it can't add to ${name}, which is measured in another way`);
  else if (!before.kinds.includes(kind)) found.set(name, { ...before, kinds: [...before.kinds, kind] });
}

function sumOf({ plural }: Kind, comment: string): string {
  return `Added up over all ${plural.replaceAll("_", " ")}. ${comment}`.trim();
}

function add(found: Map<string, Dimension>, dimension: Dimension): void {
  if (found.has(dimension.name)) throw new Error(`two kinds are called ${dimension.name}`);
  found.set(dimension.name, dimension);
}

function fieldsBelow(fields: readonly Field[]): readonly Field[] {
  return fields.flatMap((field) => [field, ...fieldsBelow(fieldsWithin(field.type))]);
}
