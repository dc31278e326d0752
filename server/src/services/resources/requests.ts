// Reads what the requests of every kind have in common: the tenant, the id, the resource inside, the mask.
import { clone, create, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { Kind } from "@photoncloud/proto";
import type { Tenant } from "../../store/store.ts";
import { invalid, requiredTenant } from "./tenancy.ts";

export function textIn(message: Message, name: string): string {
  const value: unknown = Reflect.get(message, name);
  return typeof value === "string" ? value : "";
}

export function textsIn(message: Message, name: string): readonly string[] {
  const value: unknown = Reflect.get(message, name);
  return Array.isArray(value) ? value.filter((element) => typeof element === "string") : [];
}

export function numberIn(message: Message, name: string): number {
  const value: unknown = Reflect.get(message, name);
  return typeof value === "number" ? value : 0;
}

/** The tenant that a request names. @throws Fault INVALID_FIELDS if a part that the kind needs is missing. */
export function tenantIn(kind: Kind, request: Message): Tenant {
  return requiredTenant(kind, textIn(request, "orgId"), textIn(request, "projectId"));
}

/** @throws Fault INVALID_FIELDS if it is missing. */
export function idIn(request: Message): string {
  const id = textIn(request, "id");
  if (id === "") throw invalid([{ path: "id", rule: "required", message: "it is missing; give a value" }]);
  return id;
}

/** Whether a plan is that of a deletion; most kinds have none. */
export function isDeletion(request: Message): boolean {
  return Reflect.get(request, "deletion") === true;
}

/** A copy of the resource inside an update or a plan. Undefined: there is none. */
export function resourceIn(kind: Kind, desc: DescMessage, request: Message): Message | undefined {
  const field = desc.fields.find((one) => one.message?.typeName === kind.typeName);
  const value: unknown = field && Reflect.get(request, field.localName);
  return isMessage(value, kind.desc) ? clone<DescMessage>(kind.desc, value) : undefined;
}

export function maskIn(request: Message): readonly string[] {
  const mask: unknown = Reflect.get(request, "updateMask");
  return isMessage(mask, FieldMaskSchema) ? mask.paths : [];
}

/** An answer that holds one or many resources beside other fields: a page, a change, a plan. */
export function answerWith(kind: Kind, desc: DescMessage, resource: unknown, others: Record<string, unknown>): Message {
  const field = desc.fields.find((one) => one.message?.typeName === kind.typeName);
  return create(desc, field === undefined ? others : { ...others, [field.localName]: resource });
}
