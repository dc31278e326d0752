// Which fields a kind's table shows: what tells one resource from another, and how it stands.
import { type Field, type Kind, Scope } from "@photoncloud/proto";
import { textOf } from "./plain.ts";
import { ageText } from "./table.ts";

export interface Column {
  readonly heading: string;
  value(resource: Readonly<Record<string, unknown>>, now: number): string;
}

/** Fields that every kind has; those of them that a table shows are placed by hand. */
const header: ReadonlySet<string> = new Set([
  "id",
  "org_id",
  "project_id",
  "name",
  "labels",
  "etag",
  "create_time",
  "update_time",
  "status",
  "owner",
]);
/** More columns than this do not fit beside each other. */
const most = 6;

function isShort(field: Field): boolean {
  const type = field.type.type === "list" ? field.type.of.type : field.type.type;
  return type !== "message" && type !== "map" && type !== "bytes" && type !== "list";
}

/** What is always there says more than what somebody may have written. */
function isTelling(field: Field): boolean {
  const alwaysThere = field.required || field.serverDefault || field.outputOnly;
  return alwaysThere && isShort(field) && !field.sensitive && !field.inputOnly && !field.once;
}

function valueAt(resource: unknown, path: readonly string[]): unknown {
  return path.reduce(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    resource,
  );
}

function columnOf(field: Field, parent: readonly string[]): Column {
  const path = [...parent, field.localName];
  const heading = field.name.replaceAll("_", " ").toUpperCase();
  const unit = field.options?.unit ? ` (${field.options.unit})` : "";
  return { heading: heading + unit, value: (resource) => textOf(valueAt(resource, path)) };
}

function ownColumns(fields: readonly Field[], parent: readonly string[] = []): Column[] {
  return fields
    .filter((field) => parent.length > 0 || !header.has(field.name))
    .flatMap((field) => {
      if (field.type.type === "message" && field.required && parent.length === 0)
        return ownColumns(field.type.fields, [field.localName]);
      return isTelling(field) ? [columnOf(field, parent)] : [];
    });
}

function simple(heading: string, ...path: string[]): Column {
  return { heading, value: (resource) => textOf(valueAt(resource, path)) };
}

const age: Column = {
  heading: "AGE",
  value: ({ createTime }, now) => (createTime instanceof Date ? ageText(now - createTime.getTime()) : ""),
};

/** ID, NAME, where it lives if that can vary, what is telling, STATUS, AGE. */
export function columnsOf(kind: Kind): Column[] {
  const named = kind.fields.some((field) => field.name === "name") ? [simple("NAME", "name")] : [];
  const where = kind.scope === Scope.ANY ? [simple("ORG", "orgId"), simple("PROJECT", "projectId")] : [];
  const own = ownColumns(kind.fields).slice(0, most);
  return [simple("ID", "id"), ...named, ...where, ...own, simple("STATUS", "status", "state"), age];
}
