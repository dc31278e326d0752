// How a value of our props becomes a value of Terraform: only the names change, and only where the schema says that a key is a name.
import { Token } from "../cdk.ts";

/** The shape of a value. A scalar stays as it is; a message's keys are renamed; lists and maps are walked. */
export type Shape =
  | "scalar"
  | { readonly fields: Readonly<Record<string, readonly [terraformName: string, shape: Shape]>> }
  | { readonly list: Shape }
  | { readonly map: Shape };

type Entries = readonly (readonly [string, unknown])[];

function entries(value: object): Entries {
  return Object.entries(value).filter(([, entry]) => entry !== undefined);
}

/** The value with Terraform's names; tokens (values known later) pass through. */
export function toTerraform(shape: Shape, value: unknown): unknown {
  if (shape === "scalar" || typeof value !== "object" || value === null || Token.isUnresolved(value)) return value;
  if ("list" in shape) return Array.isArray(value) ? value.map((entry) => toTerraform(shape.list, entry)) : value;
  if ("map" in shape)
    return Object.fromEntries(entries(value).map(([key, entry]) => [key, toTerraform(shape.map, entry)]));
  return Object.fromEntries(
    entries(value).flatMap(([key, entry]) => {
      const field = shape.fields[key];
      return field === undefined ? [] : [[field[0], toTerraform(field[1], entry)]];
    }),
  );
}
