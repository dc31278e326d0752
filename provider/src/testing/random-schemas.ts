// For tests: random schemas, and random values for them.
import { catalog } from "@photoncloud/proto";
import fc from "fast-check";
import type { Attribute, Shape } from "../attribute.ts";
import { hasUnknown, unknown, type Value, type ValueMap } from "../cty/value.ts";
import { sameShape } from "../same.ts";
import { boolean, integer, plain } from "../scalar.ts";

type Flags = Pick<Attribute, "required" | "optional" | "computed" | "writeOnly" | "replaces" | "emptyIsNull">;
const none: Flags = {
  required: false,
  optional: false,
  computed: false,
  writeOnly: false,
  replaces: false,
  emptyIsNull: false,
};
const anyFlags: fc.Arbitrary<Flags> = fc.oneof(
  fc.boolean().map((replaces) => ({ ...none, required: true, replaces })),
  fc.record({ replaces: fc.boolean(), emptyIsNull: fc.boolean() }).map((f) => ({ ...none, optional: true, ...f })),
  fc.boolean().map((replaces) => ({ ...none, optional: true, computed: true, replaces })),
  fc.constant({ ...none, computed: true }),
  fc.constant({ ...none, optional: true, writeOnly: true }),
);
const outputs = fc.constant({ ...none, computed: true });
const inSet = anyFlags.filter((f) => !f.writeOnly && !f.computed);

const scalars: readonly Shape[] = [plain, boolean, integer(64)].map((scalar) => ({ kind: "scalar", scalar }));

const someField = catalog().kinds[0]?.fields[0];

function attributesOf(depth: number, flags: fc.Arbitrary<Flags>): fc.Arbitrary<readonly Attribute[]> {
  const one = flags.chain((f) =>
    fc.record({ shape: shapeOf(depth, f), sensitive: fc.boolean() }).map((of) => ({ ...f, ...of })),
  );
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map((a, i) => ({
      ...a,
      name: `a${i}`,
      description: "",
      field: someField && { ...someField, name: `a${i}`, follows: i > 0 && a.computed ? "a0" : "" },
    })),
  );
}

function shapeOf(depth: number, flags: Flags): fc.Arbitrary<Shape> {
  const scalar = fc.constantFrom(...scalars);
  if (depth === 0) return scalar;
  const output = flags.computed && !flags.optional;
  const object = (within: fc.Arbitrary<Flags>): fc.Arbitrary<Shape> =>
    attributesOf(depth - 1, within).map((attributes) => ({ kind: "object", attributes }));
  const within = output ? outputs : flags.writeOnly ? fc.constant({ ...none, optional: true }) : anyFlags;
  const item = fc.oneof(scalar, object(within));
  const setItem = fc.oneof(scalar, object(output ? outputs : inSet));
  return fc.oneof(
    scalar,
    object(within),
    item.map((of): Shape => ({ kind: "list", of })),
    item.map((of): Shape => ({ kind: "map", of })),
    ...(flags.writeOnly ? [] : [setItem.map((of): Shape => ({ kind: "set", of }))]),
  );
}

/** How values are drawn: as a user writes them, or as a cloud answers them. */
interface Draw {
  readonly unknowns: boolean;
  readonly everything: boolean;
}

function valuesOf(shape: Shape, draw: Draw): fc.Arbitrary<Value> {
  const known = ((): fc.Arbitrary<Value> => {
    switch (shape.kind) {
      case "scalar":
        if (shape.scalar.name === "bool") return fc.boolean();
        return shape.scalar.name === "string"
          ? fc.constantFrom("", "x", "y", "z")
          : fc.constantFrom(0, 1, 2, 2n ** 60n);
      case "object":
        return objectOf(shape.attributes, draw);
      case "map":
        return fc
          .dictionary(fc.constantFrom("k", "l", "__proto__"), valuesOf(shape.of, draw))
          .map((d) => new Map(Object.entries(d)));
      case "list":
        return fc.array(valuesOf(shape.of, draw), { maxLength: 3 });
      case "set":
        return fc.uniqueArray(valuesOf(shape.of, draw), {
          maxLength: 3,
          comparator: (a, b) => !hasUnknown(a) && sameShape(shape.of, a, b),
        });
    }
  })();
  return draw.unknowns
    ? fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: fc.constant(unknown) })
    : known;
}

function objectOf(attributes: readonly Attribute[], draw: Draw): fc.Arbitrary<ValueMap> {
  const entries = attributes.map((a) => {
    if (!draw.everything && a.computed && !a.optional) return fc.constant([a.name, null] as const);
    const value: fc.Arbitrary<Value> = valuesOf(a.shape, draw);
    const maybe = draw.everything || a.required ? value : fc.oneof(value, fc.constant(null));
    return maybe.map((v) => [a.name, v] as const);
  });
  return fc.tuple(...entries).map((all) => new Map<string, Value>(all));
}

/** A schema, two configurations for it (the second may not be all known), and what a cloud makes of one. */
export const cases = attributesOf(2, anyFlags).chain((attributes) =>
  fc.record({
    attributes: fc.constant(attributes),
    first: objectOf(attributes, { unknowns: false, everything: false }),
    second: objectOf(attributes, { unknowns: true, everything: false }),
    answer: objectOf(attributes, { unknowns: false, everything: true }),
  }),
);
