// Brings what the cloud answered together with what Terraform holds: the user's spelling stays, the cloud's facts win.
import type { Attribute, Shape } from "./attribute.ts";
import { hasUnknown, isList, isMap, Unknown, type Value, type ValueMap } from "./cty/value.ts";
import { isEmpty, pairUp, sameAttribute, sameShape } from "./same.ts";

const get = (value: Value, name: string): Value => (isMap(value) ? (value.get(name) ?? null) : null);

/** The state after a read: what still means the same is left as it was spelled, real drift is shown. */
export function refresh(attributes: readonly Attribute[], prior: ValueMap, actual: ValueMap): ValueMap {
  return new Map(attributes.map((a) => [a.name, refreshAttribute(a, get(prior, a.name), get(actual, a.name))]));
}

function refreshAttribute(attribute: Attribute, prior: Value, actual: Value): Value {
  if (attribute.writeOnly) return null;
  if (attribute.field === undefined) return prior;
  if (sameAttribute(attribute, prior, actual)) return prior;
  return isEmpty(attribute, actual) ? null : refreshShape(attribute.shape, prior, actual);
}

function refreshShape(shape: Shape, prior: Value, actual: Value): Value {
  if (sameShape(shape, prior, actual)) return prior;
  switch (shape.kind) {
    case "scalar":
      return actual;
    case "object":
      return isMap(actual) ? refresh(shape.attributes, isMap(prior) ? prior : new Map(), actual) : actual;
    case "map":
      return isMap(actual)
        ? new Map([...actual].map(([k, v]) => [k, refreshShape(shape.of, get(prior, k), v)]))
        : actual;
    case "list":
      return isList(actual)
        ? actual.map((v, i) => refreshShape(shape.of, isList(prior) ? (prior[i] ?? null) : null, v))
        : actual;
    case "set": {
      if (!isList(actual)) return actual;
      const kept = pairUp(shape.of, actual, isList(prior) ? prior : []);
      return actual.map((v, i) => kept[i] ?? refreshShape(shape.of, null, v));
    }
  }
}

/** The state after an apply: everything that was planned stays as planned, and the cloud fills what was unknown. */
export function settle(attributes: readonly Attribute[], planned: ValueMap, actual: Value): ValueMap {
  return new Map(
    attributes.map((a) => {
      const value = get(planned, a.name);
      return [a.name, a.writeOnly ? null : settleShape(a.shape, value, get(actual, a.name))];
    }),
  );
}

function settleShape(shape: Shape, planned: Value, actual: Value): Value {
  if (planned instanceof Unknown) return refreshShape(shape, null, actual);
  if (planned === null || !hasUnknown(planned)) return planned;
  switch (shape.kind) {
    case "object":
      return isMap(planned) ? settle(shape.attributes, planned, actual) : planned;
    case "map":
      return isMap(planned)
        ? new Map([...planned].map(([k, v]) => [k, settleShape(shape.of, v, get(actual, k))]))
        : planned;
    case "list":
      return isList(planned)
        ? planned.map((v, i) => settleShape(shape.of, v, isList(actual) ? (actual[i] ?? null) : null))
        : planned;
    case "set":
      return isList(planned) ? settleSet(shape.of, planned, isList(actual) ? actual : []) : planned;
    case "scalar":
      return planned;
  }
}

/** Whether an item with unknowns may have become this one. */
function couldBe(shape: Shape, planned: Value, actual: Value): boolean {
  if (planned instanceof Unknown) return true;
  if (shape.kind !== "object" || !isMap(planned) || !isMap(actual)) return sameShape(shape, planned, actual);
  return shape.attributes.every((a) => {
    const [will, is] = [get(planned, a.name), get(actual, a.name)];
    return hasUnknown(will) ? couldBe(a.shape, will, is) : sameAttribute(a, will, is);
  });
}

function settleSet(of: Shape, planned: readonly Value[], actual: readonly Value[]): readonly Value[] {
  const left = [...actual];
  const take = (fits: (item: Value) => boolean): Value => {
    const at = left.findIndex(fits);
    return at < 0 ? null : (left.splice(at, 1)[0] ?? null);
  };
  for (const item of planned) if (!hasUnknown(item)) take((other) => sameShape(of, item, other));
  return planned.map((item) =>
    hasUnknown(item)
      ? settleShape(
          of,
          item,
          take((other) => couldBe(of, item, other)),
        )
      : item,
  );
}
