// Says which items of a list, a set or a map a change takes away.
import type { Attribute, Shape } from "./attribute.ts";
import type { Path } from "./cty/path.ts";
import { isList, isMap, isNumber, numberText, Unknown, type Value, type ValueMap } from "./cty/value.ts";

/** More would bury the warning. */
const most = 10;

interface Place {
  readonly shape: Shape;
  readonly was: Value;
  readonly will: Value;
}

const get = (value: Value, name: string): Value => (isMap(value) ? (value.get(name) ?? null) : null);

function place(attributes: readonly Attribute[], path: Path, was: Value, will: Value): Place | undefined {
  const [step, ...rest] = path;
  const found =
    step !== undefined && "attribute" in step ? attributes.find((a) => a.name === step.attribute) : undefined;
  if (found === undefined || found.sensitive) return undefined;
  const { shape, name } = found;
  const [before, after] = [get(was, name), get(will, name)];
  const below = shape.kind === "object" ? place(shape.attributes, rest, before, after) : undefined;
  return below ?? { shape, was: before, will: after };
}

/** How a person tells an item from others: its id or name, else its short values. */
function label(of: Shape, item: Value): string {
  if (isNumber(item)) return numberText(item);
  if (of.kind !== "object" || !isMap(item)) return typeof item === "string" ? item : "an item";
  const told = of.attributes.filter((a) => !a.sensitive && !a.writeOnly && a.shape.kind === "scalar");
  const values = told.flatMap((a) => {
    const value = get(item, a.name);
    return value === null || value instanceof Unknown || value === ""
      ? []
      : [`${a.name} ${isNumber(value) ? numberText(value) : String(value)}`];
  });
  return values.slice(0, 4).join(", ");
}

/** What tells an item from the others: its id or name; else all of it. */
function identity(of: Shape, item: Value): string {
  const named = ["id", "name"]
    .map((name) => get(item, name))
    .find((value) => typeof value === "string" && value !== "");
  return typeof named === "string" ? named : label(of, item);
}

/** The items that were there and will not be, in words; "" where the change takes none away. */
export function lost(attributes: readonly Attribute[], path: Path, prior: ValueMap, planned: ValueMap): string {
  const found = place(attributes, path, prior, planned);
  if (found === undefined || found.shape.kind === "scalar" || found.shape.kind === "object") return "";
  const { of } = found.shape;
  const { was, will } = found;
  if (isMap(was))
    return [...was.keys()]
      .filter((name) => !isMap(will) || !will.has(name))
      .slice(0, most)
      .join("; ");
  if (!isList(was)) return "";
  const kept = new Set((isList(will) ? will : []).map((item) => identity(of, item)));
  const gone = was.filter((item) => !kept.has(identity(of, item)));
  return gone
    .slice(0, most)
    .map((item) => label(of, item))
    .join("; ");
}
