// Authorize: may a principal do something?
import type { AuthorizeRequest } from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { invalidField } from "../../../fault.ts";
import type { Authorizer, Call } from "../../call.ts";
import { callerOf, longestResource, longestWord, other, parsePath, refuseBigAttributes, refuseLong } from "./asking.ts";

export async function authorize(authorizer: Authorizer, request: AuthorizeRequest, call: Call) {
  const caller = callerOf(call);
  refuseLong("principal", request.principal, longestWord);
  refuseLong("resource", request.resource, longestResource);
  refuseLong("action", request.action, longestWord);
  const path = parsePath(request.resource);
  if (request.action === "")
    throw invalidField("action", "required", 'it is missing; give one, for example "compute:vms:create"');
  refuseBigAttributes(request.resourceAttributes);
  const asked = request.principal === "" ? caller : await other(authorizer, caller, request.principal, path, call);
  const attributes = async () => request.resourceAttributes;
  return authorizer.authorize(asked, request.action, path, { sourceIp: call.sourceIp, attributes });
}
