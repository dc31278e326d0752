// When two values mean the same to the cloud, however they are spelled.
import type { Attribute, Shape } from "./attribute.ts";
import { isList, isMap, Unknown, type Value, type ValueMap } from "./cty/value.ts";

const get = (value: ValueMap, name: string): Value => value.get(name) ?? null;

/** Whether a value is what stands for "nothing": null, or the empty value where that is the same. */
export function isEmpty(attribute: Attribute, value: Value): boolean {
  if (value === null) return true;
  if (!attribute.emptyIsNull || value instanceof Unknown) return false;
  if (isList(value)) return value.length === 0;
  if (isMap(value)) return attribute.shape.kind === "map" && value.size === 0;
  return attribute.shape.kind === "scalar" && attribute.shape.scalar.isZero(value);
}

/** Whether two values of an attribute mean the same. What is unknown equals nothing, write-only values are not looked at. */
export function sameAttribute(attribute: Attribute, a: Value, b: Value): boolean {
  if (attribute.writeOnly) return true;
  if (a === null || b === null) return isEmpty(attribute, a) && isEmpty(attribute, b);
  return sameShape(attribute.shape, a, b);
}

/** Whether two values of a shape mean the same. */
export function sameShape(shape: Shape, a: Value, b: Value): boolean {
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (a === null || b === null) return a === b;
  switch (shape.kind) {
    case "scalar":
      return shape.scalar.same(a, b);
    case "object":
      return (
        isMap(a) && isMap(b) && shape.attributes.every((at) => sameAttribute(at, get(a, at.name), get(b, at.name)))
      );
    case "map":
      return (
        isMap(a) &&
        isMap(b) &&
        a.size === b.size &&
        [...a].every(([k, v]) => b.has(k) && sameShape(shape.of, v, get(b, k)))
      );
    case "list":
      return isList(a) && isList(b) && a.length === b.length && a.every((v, i) => sameShape(shape.of, v, b[i] ?? null));
    case "set":
      return (
        isList(a) && isList(b) && a.length === b.length && pairUp(shape.of, a, b).every((other) => other !== undefined)
      );
  }
}

/** For each item of `a` its own equal in `b`, each used once; undefined where there is none. */
export function pairUp(of: Shape, a: readonly Value[], b: readonly Value[]): readonly (Value | undefined)[] {
  const left = [...b];
  return a.map((item) => {
    const at = left.findIndex((other) => sameShape(of, item, other));
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
}
