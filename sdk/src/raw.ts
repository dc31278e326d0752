// Calls with protobuf messages in and out, for programs that work with the schema itself (the Terraform provider).
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromJson,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import type { CallOptions } from "./options.ts";
import type { Transport } from "./transport.ts";
import { isObject, type JsonObject } from "./values.ts";

export interface RawCallOptions {
  /** Gets an Idempotency-Key. Default: whether the method's name begins with neither Get, BatchGet, List nor Plan, and it is a kind's. */
  readonly mutation?: boolean | undefined;
}

const reading = /^(Get|BatchGet|List|Plan)/;

/** Tenants are not filled in: the request says everything. @throws PhotonError */
export async function rawUnary<I extends DescMessage, O extends DescMessage>(
  transport: Transport,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions & RawCallOptions,
): Promise<MessageShape<O>> {
  const ofKind = catalog().kinds.some((kind) => kind.service.typeName === method.parent.typeName);
  const wire = toJson(method.input, create(method.input, request));
  const answer = await transport.unary({
    method: `${method.parent.typeName}/${method.name}`,
    request: isObject(wire) ? (wire as JsonObject) : {},
    mutation: options.mutation ?? (ofKind && !reading.test(method.name)),
    repeatable: method.name !== "RefreshToken",
    open: catalog().methods.get(`${method.parent.typeName}/${method.name}`)?.open === 1,
    options,
  });
  return fromJson(method.output, answer, { ignoreUnknownFields: true });
}
