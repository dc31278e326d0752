// What stands in the state, at the places where values are tried.
import { isDeepStrictEqual } from "node:util";
import type { Attribute, Shape } from "../../../provider/src/attribute.ts";
import type { Json } from "./drawing.ts";
import type { Subject } from "./subject.ts";

/** The attributes of every resource, by address. */
export type State = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The item that stands for all: the only one of a list, a set or a map. */
function item(shape: Shape, value: unknown): unknown {
  if (shape.kind === "scalar" || shape.kind === "object") return value;
  return Array.isArray(value) ? value[0] : isRecord(value) ? Object.values(value)[0] : undefined;
}

function down(value: unknown, [first, ...rest]: readonly Attribute[]): unknown {
  if (first === undefined) return value;
  const next = isRecord(value) ? value[first.name] : undefined;
  return rest.length === 0 ? next : down(item(first.shape, next), rest);
}

/** A set's items in one order, and ids in place of what refers to them. */
export function resolved(value: unknown, state: State): unknown {
  if (typeof value === "string")
    return value
      .replaceAll(/\$\{(photoncloud_\w+\.\w+)\.id\}/g, (_, address: string) => String(state[address]?.id))
      .replaceAll(/([$%])\1\{/g, "$1{");
  if (Array.isArray(value)) return value.map((one) => resolved(one, state)).sort(byText);
  if (!isRecord(value)) return value;
  // What is left out of an object is null in the state.
  const entries = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(entries.map(([name, one]) => [name, resolved(one, state)]));
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** What stands at the subject's place. */
export const valueIn = (state: State, subject: Subject): unknown =>
  down(state[subject.address], subject.place.attributes);

/** Whether a value of the configuration says what stands there. */
export const isIn = (state: State, subject: Subject, value: Json): boolean =>
  isDeepStrictEqual(resolved(value, state), resolved(valueIn(state, subject) ?? null, state));
