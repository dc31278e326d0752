// What a resource takes, of what quotas add up: the numbers in the fields that are annotated so, at any depth.
import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { type Field, fieldsWithin, fieldValue } from "@photoncloud/proto";
import type { Amounts, ResourceRow } from "../../store/store.ts";
import { messageOf } from "./rows.ts";
import type { Slice } from "./slices.ts";

/** Undefined: its kind adds to nothing. What is not known yet is 0. */
export function amountsOf({ kind, adds }: Slice, message: Message): Amounts | undefined {
  if (adds.size === 0) return undefined;
  const sums = new Map([...adds.keys()].map((name) => [name, 0]));
  addUp(kind.fields, message, sums);
  return Object.fromEntries(sums);
}

export function amountsIn(slice: Slice, row: ResourceRow): Amounts | undefined {
  return slice.adds.size === 0 ? undefined : amountsOf(slice, messageOf<DescMessage>(slice, slice.kind.desc, row));
}

function addUp(fields: readonly Field[], message: Message, sums: Map<string, number>): void {
  for (const field of fields) {
    const name = field.options?.addsTo ?? "";
    const within = fieldsWithin(field.type);
    if (name === "" && within.length === 0) continue;
    for (const value of valuesOf(fieldValue(field, message)))
      if (isMessage(value)) addUp(within, value, sums);
      else if (name !== "") sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
}

/** A value, or the entries of a list or a map. */
function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return typeof value === "object" && value !== null && !isMessage(value) ? Object.values(value) : [value];
}
