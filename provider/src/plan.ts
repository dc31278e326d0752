// The plan engine: a pure function from what was, and what the user wrote, to what will be.
// It is deterministic, keeps what does not change exactly as it was, and keeps to Terraform's rules (oracle.ts checks them).
import { type Attribute, objectType, type Shape } from "./attribute.ts";
import { attribute as attributeStep, index, key, type Path } from "./cty/path.ts";
import { isList, isMap, sameValue, Unknown, unknown, unknownNotNull, type Value, type ValueMap } from "./cty/value.ts";
import { fixedDefault } from "./fixed-default.ts";
import { sameAttribute, sameShape } from "./same.ts";

export interface Plan {
  readonly planned: ValueMap;
  /** What forces a new resource. */
  readonly replaces: readonly Path[];
  /** Whether anything differs from what was. */
  readonly changed: boolean;
}

/** Values for root attributes that the user left out and that were not there before; may be unknown. */
export type Defaults = ReadonlyMap<string, Value>;

const get = (value: ValueMap | null, name: string): Value => value?.get(name) ?? null;

/** Whether a config says what was there before, outputs and what it leaves to the cloud aside. */
function unchanged(attributes: readonly Attribute[], prior: ValueMap, config: ValueMap): boolean {
  return attributes.every((a) => {
    const [was, wrote] = [get(prior, a.name), get(config, a.name)];
    if (a.writeOnly || (a.computed && wrote === null)) return true;
    return was === null || wrote === null ? sameAttribute(a, was, wrote) : unchangedShape(a.shape, was, wrote);
  });
}

function unchangedShape(shape: Shape, prior: Value, config: Value): boolean {
  if (prior instanceof Unknown || config instanceof Unknown) return false;
  if (shape.kind === "scalar" || prior === null || config === null) return sameShape(shape, prior, config);
  if (shape.kind === "object") return isMap(prior) && isMap(config) && unchanged(shape.attributes, prior, config);
  if (isMap(prior) && isMap(config))
    return (
      prior.size === config.size &&
      [...config].every(([k, v]) => prior.has(k) && unchangedShape(shape.of, get(prior, k), v))
    );
  if (!isList(prior) || !isList(config) || prior.length !== config.length) return false;
  if (shape.kind === "list") return config.every((v, i) => unchangedShape(shape.of, prior[i] ?? null, v));
  const left = [...prior];
  return config.every((v) => {
    const at = left.findIndex((was) => unchangedShape(shape.of, was, v));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

const drawn = (attribute: Attribute): Unknown => (attribute.name === "id" ? unknownNotNull : unknown);

/** An object, or the resource itself, as it was and as the user wrote it. */
interface Whole {
  readonly attributes: readonly Attribute[];
  readonly prior: ValueMap | null;
  readonly config: ValueMap;
}

/** Whether what an attribute follows from changes, or may change. */
function isMoved({ field }: Attribute, { attributes, prior, config }: Whole): boolean {
  const leader = field?.follows && attributes.find((a) => a.field?.name === field.follows);
  return !!leader && prior !== null && !unchanged([leader], prior, config);
}

/** An attribute that the user left out. */
function planAbsent(attribute: Attribute, whole: Whole): Value {
  if (!attribute.computed) return null;
  if (whole.prior === null) return fixedDefault(attribute) ?? drawn(attribute);
  return isMoved(attribute, whole) ? unknown : get(whole.prior, attribute.name);
}

function planAttribute(attribute: Attribute, whole: Whole): Value {
  const config = get(whole.config, attribute.name);
  if (attribute.writeOnly) return null;
  if (config === null) return planAbsent(attribute, whole);
  return planShape(attribute.shape, get(whole.prior, attribute.name), config);
}

function planShape(shape: Shape, prior: Value, config: Value): Value {
  if (config === null || config instanceof Unknown) return config;
  switch (shape.kind) {
    case "scalar":
      return prior !== null && !(prior instanceof Unknown) && shape.scalar.same(prior, config) ? prior : config;
    case "object":
      return isMap(config) ? planNested(shape.attributes, isMap(prior) ? prior : null, config) : config;
    case "map":
      return isMap(config)
        ? new Map([...config].map(([k, v]) => [k, planShape(shape.of, get(isMap(prior) ? prior : null, k), v)]))
        : config;
    default:
      return isList(config) ? planItems(shape.of, isList(prior) ? prior : [], config, shape.kind === "set") : config;
  }
}

/** An object inside a resource: when what the user decides in it changes, its outputs may change too. */
function planNested(attributes: readonly Attribute[], prior: ValueMap | null, config: ValueMap): ValueMap {
  const kept = prior !== null && unchanged(attributes, prior, config);
  const whole: Whole = { attributes, prior, config };
  return new Map(
    attributes.map((a) => {
      const output = a.computed && !a.optional && !a.required;
      return [a.name, output && !kept ? unknown : planAttribute(a, whole)];
    }),
  );
}

/** Items are paired with what was: first by what the user decides in them, then lists by their place; a set's by that alone. */
function planItems(of: Shape, prior: readonly Value[], config: readonly Value[], set: boolean): readonly Value[] {
  if (of.kind !== "object")
    return config.map((item, i) => planShape(of, set ? pairScalar(of, prior, item) : (prior[i] ?? null), item));
  const left = new Set(prior.keys());
  const matches = (i: number, item: Value): boolean => {
    const was = prior[i];
    return left.has(i) && isMap(was) && isMap(item) && unchanged(of.attributes, was, item);
  };
  const pairs = config.map((item, i) => {
    const at = matches(i, item) ? i : [...left].find((other) => matches(other, item));
    if (at !== undefined) left.delete(at);
    return at;
  });
  return config.map((item, i) => planShape(of, prior[pairs[i] ?? -1] ?? null, item));
}

const pairScalar = (of: Shape, prior: readonly Value[], item: Value): Value =>
  prior.find(
    (was) =>
      of.kind === "scalar" && was !== null && item !== null && !(item instanceof Unknown) && of.scalar.same(was, item),
  ) ?? null;

/** Whether what the user wrote for an attribute is another value, or might be. */
function differs(attribute: Attribute, prior: Value, planned: Value, config: Value): boolean {
  if (planned instanceof Unknown) return config !== null;
  return !sameAttribute(attribute, prior, planned);
}

function replacesIn(
  attributes: readonly Attribute[],
  prior: ValueMap,
  planned: ValueMap,
  config: ValueMap,
  path: Path,
): Path[] {
  return attributes.flatMap((a) => {
    const at = [...path, attributeStep(a.name)];
    const [was, will, wrote] = [get(prior, a.name), get(planned, a.name), get(config, a.name)];
    if (a.replaces) return differs(a, was, will, wrote) ? [at] : [];
    return replacesBelow(a.shape, was, will, wrote, at);
  });
}

/** Only what is in both is compared: an item that is new or gone is no change of the item. */
function replacesBelow(shape: Shape, prior: Value, planned: Value, config: Value, path: Path): Path[] {
  if (shape.kind === "object") {
    if (!isMap(prior) || !isMap(planned)) return [];
    return replacesIn(shape.attributes, prior, planned, isMap(config) ? config : new Map(), path);
  }
  if (shape.kind === "map" && isMap(prior) && isMap(planned)) {
    const shared = [...planned.keys()].filter((k) => prior.has(k));
    return shared.flatMap((k) =>
      replacesBelow(shape.of, get(prior, k), get(planned, k), isMap(config) ? get(config, k) : null, [...path, key(k)]),
    );
  }
  if (shape.kind === "list" && isList(prior) && isList(planned)) {
    const shared = planned.slice(0, prior.length);
    return shared.flatMap((will, i) =>
      replacesBelow(shape.of, prior[i] ?? null, will, isList(config) ? (config[i] ?? null) : null, [...path, index(i)]),
    );
  }
  return [];
}

/** Plans a creation (no prior) or an update. Nothing in it may depend on chance or on the time: Terraform plans twice. */
export function plan(
  attributes: readonly Attribute[],
  prior: ValueMap | null,
  config: ValueMap,
  defaults: Defaults = new Map(),
): Plan {
  const whole: Whole = { attributes, prior, config };
  const planned = new Map(
    attributes.map((a): [string, Value] => {
      const value = planAttribute(a, whole);
      const left = prior === null && get(config, a.name) === null && defaults.has(a.name);
      return [a.name, left ? (defaults.get(a.name) ?? null) : value];
    }),
  );
  if (prior === null) return { planned, replaces: [], changed: true };
  if (sameValue(objectType(attributes), prior, planned)) return { planned: prior, replaces: [], changed: false };
  return { planned, replaces: replacesIn(attributes, prior, planned, config, []), changed: true };
}
