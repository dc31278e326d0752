// A block's attributes as the registry's pages list them: required, optional, read-only, and each nested object below.
import type { Attribute, Shape } from "../src/attribute.ts";

/** "Map of String", "List of Object". */
function typeWords(shape: Shape): string {
  if (shape.kind === "object") return "Attributes";
  if (shape.kind === "scalar") {
    const { kind } = shape.scalar.type;
    return kind.charAt(0).toUpperCase() + kind.slice(1);
  }
  const name = shape.kind.charAt(0).toUpperCase() + shape.kind.slice(1);
  return shape.of.kind === "object" ? `Attributes ${name}` : `${name} of ${typeWords(shape.of)}`;
}

/** The attributes of an object, or of the objects of a list, set or map. */
function within(shape: Shape): readonly Attribute[] | undefined {
  if (shape.kind === "scalar") return undefined;
  return shape.kind === "object" ? shape.attributes : within(shape.of);
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
const anchorOf = (path: readonly string[]): string => `nestedatt--${path.join("--")}`;

function line(attribute: Attribute, path: readonly string[]): string {
  const { name, shape, sensitive, writeOnly, description } = attribute;
  const notes = [typeWords(shape), ...(sensitive ? ["Sensitive"] : []), ...(writeOnly ? ["Write-only"] : [])];
  const nested = within(shape) === undefined ? "" : ` (see [below](#${anchorOf([...path, name])}))`;
  return `${`- \`${name}\` (${notes.join(", ")}) ${oneLine(description)}${nested}`.trimEnd()}\n`;
}

function group(title: string, attributes: readonly Attribute[], path: readonly string[]): string {
  if (attributes.length === 0) return "";
  const sorted = attributes.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return `### ${title}\n\n${sorted.map((attribute) => line(attribute, path)).join("")}\n`;
}

function groups(attributes: readonly Attribute[], path: readonly string[]): string {
  const required = attributes.filter((one) => one.required);
  const optional = attributes.filter((one) => one.optional && !one.required);
  const rest = attributes.filter((one) => !one.required && !one.optional);
  return group("Required", required, path) + group("Optional", optional, path) + group("Read-Only", rest, path);
}

function nested(attributes: readonly Attribute[], path: readonly string[]): string {
  return attributes
    .flatMap(({ name, shape }) => {
      const inside = within(shape);
      if (inside === undefined) return [];
      const at = [...path, name];
      const title = `<a id="${anchorOf(at)}"></a>\n### Nested Schema for \`${at.join(".")}\`\n\n`;
      return [title + groups(inside, at).replaceAll("### ", "#### ") + nested(inside, at)];
    })
    .join("");
}

/** The section "Schema" of a page. */
export function schemaSection(attributes: readonly Attribute[]): string {
  return `## Schema\n\n${groups(attributes, [])}${nested(attributes, [])}`;
}
