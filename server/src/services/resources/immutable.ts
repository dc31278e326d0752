// Finds what differs between two versions of a message, by path; and among it what may not change.
import { isMessage, type Message } from "@bufbuild/protobuf";
import { type Field, type FieldViolation, fieldValue } from "@photoncloud/proto";
import { sameValue } from "./fields.ts";

/** One field that differs. Singular messages are walked into; a list or a map differs as a whole. */
export interface Difference {
  /** "spec.cpu" */
  readonly path: string;
  readonly field: Field;
  readonly before: unknown;
  readonly after: unknown;
  /** The field or one around it is immutable. */
  readonly immutable: boolean;
}

/** Where a message is unset, all of its fields are. */
function valueIn(field: Field, message: Message | undefined): unknown {
  return message === undefined ? undefined : fieldValue(field, message);
}

export function differences(
  fields: readonly Field[],
  before: Message | undefined,
  after: Message | undefined,
  prefix = "",
  within = false,
): readonly Difference[] {
  return fields.flatMap((field) => {
    const [a, b] = [valueIn(field, before), valueIn(field, after)];
    if (sameValue(field.type, a, b, field.unordered)) return [];
    const path = prefix + field.name;
    const immutable = within || field.immutable;
    if (field.type.type === "message" && (isMessage(a) || isMessage(b))) {
      const inner = differences(
        field.type.fields,
        isMessage(a) ? a : undefined,
        isMessage(b) ? b : undefined,
        `${path}.`,
        immutable,
      );
      if (inner.length > 0) return inner;
    }
    return [{ path, field, before: a, after: b, immutable }];
  });
}

const longestShown = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    key === "$typeName" ? undefined : typeof inner === "bigint" ? String(inner) : inner,
  );
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

function immutableMessage({ field, before, after }: Difference): string {
  const mend = "it can't change after creation, a new resource is needed for that";
  if (field.sensitive || field.inputOnly) return mend;
  const was = before === undefined ? "it was left out at creation" : `it is ${shown(before)}`;
  return `${was} and ${after === undefined ? "can't be cleared" : `can't become ${shown(after)}`}: ${mend}`;
}

/** A violation for each immutable input that differs. */
export function immutableViolations(changed: readonly Difference[]): readonly FieldViolation[] {
  return changed
    .filter((difference) => difference.immutable && !difference.field.outputOnly)
    .map((difference) => ({ path: difference.path, rule: "immutable", message: immutableMessage(difference) }));
}
