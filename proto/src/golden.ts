// Writes the catalog as text, one line a field: what people read when a schema changes. `buf breaking` does not look at our annotations; this does.
import {
  type Catalog,
  type Field,
  type FieldType,
  fieldsWithin,
  type Kind,
  type Method,
  Open,
  Scope,
} from "./catalog.ts";
import { Format, FormatSchema, OpenSchema, type Range, ScopeSchema } from "./gen/photoncloud/meta/v1/meta_pb.ts";
import { enumShortName } from "./names.ts";

function typeText(type: FieldType): string {
  switch (type.type) {
    case "enum":
    case "message":
      return type.desc.typeName;
    case "list":
      return `list of ${typeText(type.of)}`;
    case "map":
      return `map of ${typeText(type.of)}`;
    default:
      return type.type;
  }
}

const flags = [
  "required",
  "immutable",
  "outputOnly",
  "serverDefault",
  "sensitive",
  "inputOnly",
  "unordered",
  "volatile",
  "once",
] as const;

function rangeText(name: string, range: Range | undefined): string[] {
  return range === undefined ? [] : [`${name} ${range.min ?? ""}..${range.max ?? ""}`];
}

function rulesText(field: Field): string[] {
  const rules = field.options;
  return [
    ...flags.filter((flag) => field[flag]),
    ...(field.presence && field.oneof === undefined && field.type.type !== "message" ? ["optional"] : []),
    ...(field.oneof === undefined ? [] : [`oneof ${field.oneof.name}`]),
    ...(field.reference === "" ? [] : [`refers to ${field.reference}`]),
    ...(field.follows === "" ? [] : [`follows ${field.follows}`]),
    ...(rules === undefined || rules.format === Format.UNSPECIFIED
      ? []
      : [`format ${enumShortName(FormatSchema, rules.format)}`]),
    ...(rules === undefined || rules.keyFormat === Format.UNSPECIFIED
      ? []
      : [`key format ${enumShortName(FormatSchema, rules.keyFormat)}`]),
    ...(rules?.pattern ? [`pattern ${rules.pattern}`] : []),
    ...rangeText("range", rules?.range),
    ...rangeText("size", rules?.size),
    ...(rules?.unit ? [`in ${rules.unit}`] : []),
    ...(rules?.addsTo ? [`adds to ${rules.addsTo}`] : []),
    ...(rules?.default ? [`${rules.fixedDefault ? "always " : ""}default ${rules.default}`] : []),
  ];
}

function fieldLines(field: Field, indent: string): string[] {
  const line = [`${indent}${field.name} = ${field.desc.number}: ${typeText(field.type)}`, ...rulesText(field)].join(
    "; ",
  );
  return [line, ...fieldsWithin(field.type).flatMap((inner) => fieldLines(inner, `${indent}  `))];
}

function methodLine(method: Method, indent: string): string {
  const who =
    method.open === Open.UNSPECIFIED ? method.permission : `open to ${enumShortName(OpenSchema, method.open)}`;
  const held = method.ephemeral === undefined ? "" : `; ephemeral ${method.ephemeral.name}`;
  const use = method.ephemeral?.oneUse ? ", for one use" : "";
  return `${indent}${method.desc.name}: ${who}${held}${use}${method.action ? "; an action" : ""}`;
}

function kindLines(kind: Kind): string[] {
  const facts = [`${kind.typeName} (${kind.noun}, ${kind.plural})`, `scope ${enumShortName(ScopeSchema, kind.scope)}`];
  if (kind.idPrefix !== "") facts.push(`ids ${kind.idPrefix}-…${kind.chosenId ? " or chosen" : ""}`);
  if (kind.isScope !== Scope.UNSPECIFIED) facts.push(`is a scope: ${enumShortName(ScopeSchema, kind.isScope)}`);
  if (kind.ownScopeOnly) facts.push("seen in its own scope only");
  return [
    facts.join("; "),
    ...kind.fields.flatMap((field) => fieldLines(field, "  ")),
    ...[...Object.values(kind.standard), ...kind.custom].map((method) => methodLine(method, "  ")),
    "",
  ];
}

/** The whole catalog, kinds first, then the services that are no kind's. */
export function catalogText(catalog: Catalog): string {
  const ofKinds = new Set(catalog.kinds.map((kind) => kind.service));
  const services = catalog.services.filter((service) => !ofKinds.has(service));
  const methods = (typeName: string) =>
    [...catalog.methods]
      .filter(([name]) => name.startsWith(`${typeName}/`))
      .map(([, method]) => methodLine(method, "  "));
  return [
    ...catalog.kinds.flatMap(kindLines),
    ...services.flatMap((service) => [service.typeName, ...methods(service.typeName), ""]),
  ].join("\n");
}
