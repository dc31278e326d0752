// Answers of the Connect protocol for mocks: a status, a JSON body, headers. Spread them into nock's reply, or build a Response.
import { create, toBinary } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { camelCase, catalog, type Kind, reasons } from "@photoncloud/proto";
import { ErrorInfoSchema, Retry } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { ErrorCode, PhotonErrorDetails, RetryAdvice } from "../errors.ts";
import type { Clients } from "../gen/clients.ts";
import { messageToWire } from "../to-wire.ts";
import type { JsonObject } from "../values.ts";

/** The plural of a kind, as the client's property is called: "vpcs". */
export type KindName = {
  [Name in keyof Clients]: Clients[Name] extends { batchGet: unknown } ? Name : never;
}[keyof Clients];

/** What a kind's client answers. */
export type AnswerOf<Name extends KindName> = Awaited<ReturnType<Clients[Name]["get"]>>;

/** An answer: HTTP status, JSON body, headers. */
export type Reply = readonly [status: number, body: JsonObject, headers: Record<string, string>];

const jsonHeaders = { "content-type": "application/json" };

/** HTTP statuses of Connect codes (connectrpc.com/docs/protocol, "Error codes"). */
const statusOf: Readonly<Record<ErrorCode, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

const retryOf: Readonly<Record<RetryAdvice, Retry>> = {
  "": Retry.UNSPECIFIED,
  never: Retry.NEVER,
  later: Retry.LATER,
  after_read: Retry.AFTER_READ,
  after_login: Retry.AFTER_LOGIN,
};

/** The kind behind a client's property. @throws Error when there is none. */
export function kindNamed(name: string): Kind {
  const kind = catalog().kinds.find((candidate) => camelCase(candidate.plural) === name);
  if (kind !== undefined) return kind;
  throw new Error(
    `there is no kind ${name}; there are ${catalog()
      .kinds.map((k) => camelCase(k.plural))
      .join(", ")}`,
  );
}

/** A resource as it stands on the wire: what is given, over a state of ready and the two times. */
export function wireResource(kind: Kind, resource: object): JsonObject {
  const now = new Date().toISOString();
  const settled = { createTime: now, updateTime: now, status: { state: "STATE_READY" }, etag: "1" };
  return { ...settled, ...messageToWire(kind.fields, resource) };
}

/**
 * The answer of Get, Create, Update and Delete.
 *
 * @example
 * nock("http://cloud.test").post("/prismnet.v1.VpcService/GetVpc").reply(...resourceReply("vpcs", { id: "vpc-1", name: "main" }));
 */
export function resourceReply<Name extends KindName>(name: Name, resource: Partial<AnswerOf<Name>>): Reply {
  return [200, wireResource(kindNamed(name), resource), jsonHeaders];
}

/** The answer of List and BatchGet. */
export function listReply<Name extends KindName>(
  name: Name,
  resources: readonly Partial<AnswerOf<Name>>[],
  nextPageToken = "",
): Reply {
  const kind = kindNamed(name);
  const items = resources.map((resource) => wireResource(kind, resource));
  return [200, { [camelCase(kind.plural)]: items, nextPageToken, cursor: "" }, jsonHeaders];
}

/** The answer of a login: a token that is good for an hour. */
export function tokenReply(token = "mock-token"): Reply {
  return [200, { token, expireTime: new Date(Date.now() + 3_600_000).toISOString() }, jsonHeaders];
}

/**
 * The answer of a failure, with the details that the cloud sends.
 *
 * @example
 * nock("http://cloud.test").post(/GetVpc$/).reply(...errorReply("not_found", "there is no such VPC", { reason: "NOT_FOUND" }));
 */
export function errorReply(code: ErrorCode, message: string, details: PhotonErrorDetails = {}): Reply {
  const { reason = "", violations = [], resources = [], permission = "" } = details;
  const requestId = details.requestId || "mock-request";
  const known = Object.entries(reasons).find(([name]) => name === reason)?.[1].retry;
  const retry = details.retry ? retryOf[details.retry] : (known ?? Retry.UNSPECIFIED);
  const fields = violations.map((violation) => ({ ...violation }));
  const info = create(ErrorInfoSchema, {
    reason,
    requestId,
    permission,
    resources: [...resources],
    violations: fields,
  });
  info.retry = retry;
  const value = base64Encode(toBinary(ErrorInfoSchema, info), "std_raw");
  return [statusOf[code], { code, message, details: [{ type: ErrorInfoSchema.typeName, value }] }, jsonHeaders];
}
