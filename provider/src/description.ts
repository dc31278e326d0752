// The sentences of the schema's documentation, from the proto's comments and annotations.
import type { FieldFacts as Field, KindFacts as Kind } from "@photoncloud/proto";
import type { Shape } from "./attribute.ts";

function allowedIn(shape: Shape): string {
  if (shape.kind === "scalar") return shape.scalar.allowed;
  return shape.kind === "object" ? "" : allowedIn(shape.of);
}

/** What a field is shown as: what a resource asks for, what a single request does, or what is answered. */
export type Part = "resource" | "request" | "answer";

/** A field's comment and what its annotations add for who meets it so. */
export function describeField(field: Field, shape: Shape, part: Part): string {
  const { options, oneof, immutable, inputOnly } = field;
  const allowed = allowedIn(shape);
  const sentences = [
    field.comment,
    allowed === "" ? "" : `It is ${allowed}.`,
    options?.unit ? `In ${options.unit}.` : "",
    options?.default && part !== "answer" ? `Left out: ${options.default}.` : "",
    options?.example ? `Example: ${options.example}.` : "",
    oneof === undefined ? "" : `At most one of ${oneof.fields.map((f) => f.name).join(", ")}.`,
    immutable && part === "resource" ? "A change needs a new resource." : "",
    inputOnly && part === "resource" ? "Write-only: never stored in the state; needs Terraform 1.11 or newer." : "",
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}

/** A kind's comment, and where to get what is not kept here. */
export function describeKind(kind: Kind): string {
  const once = kind.fields.filter((field) => field.once).map((field) => `\`${field.name}\``);
  if (once.length === 0) return kind.comment;
  const elsewhere = kind.standard.create.ephemeral === undefined ? "" : "use the ephemeral resource of this name, or ";
  return `${kind.comment} Its ${once.join(", ")} is answered once, at creation, and is a secret, so it is not kept here: where you need it, ${elsewhere}create the resource with the command photon or with the SDK.`;
}
