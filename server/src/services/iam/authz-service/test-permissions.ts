// TestPermissions: which of these may the caller do?
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { type Catalog, Scope, standardVerbs } from "@photoncloud/proto";
import { TestPermissionsRequestSchema, TestPermissionsResponseSchema } from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { invalidField } from "../../../fault.ts";
import type { Authorizer, Call } from "../../call.ts";
import { callerOf, longestWord, malformed, refuseLong } from "./asking.ts";

const mostPermissions = 100;

export async function testPermissions(
  authorizer: Authorizer,
  nounOf: ReadonlyMap<string, string>,
  request: Message,
  call: Call,
): Promise<Message> {
  if (!isMessage(request, TestPermissionsRequestSchema)) throw malformed();
  const caller = callerOf(call);
  const { orgId: org, projectId: project, permissions } = request;
  if (permissions.length > mostPermissions)
    throw invalidField("permissions", "size", `there are ${permissions.length}; ask for at most ${mostPermissions}`);
  for (const [i, permission] of permissions.entries()) refuseLong(`permissions[${i}]`, permission, longestWord);
  refuseLong("org_id", org, longestWord);
  refuseLong("project_id", project, longestWord);
  // Of no method: to ask is not to use.
  const context = { sourceIp: call.sourceIp, attributes: async () => ({}) };
  const held = [];
  for (const permission of permissions) {
    const path = { org, project, type: nounOf.get(permission) ?? "", id: "" };
    if ((await authorizer.authorize(caller, permission, path, context)).allowed) held.push(permission);
  }
  return create(TestPermissionsResponseSchema, { permissions: held });
}

/** Of what type a permission speaks, so that resource patterns mean in a test what they mean in the call. */
export function nounsByPermission(catalog: Catalog): ReadonlyMap<string, string> {
  const nouns = new Map<string, string>();
  for (const kind of catalog.kinds) {
    const onScope = new Set(["get", "update", "delete", "watch", "plan"]);
    for (const verb of standardVerbs)
      if (kind.isScope === Scope.UNSPECIFIED || !onScope.has(verb))
        nouns.set(kind.standard[verb].permission, kind.noun);
    for (const method of kind.custom) nouns.set(method.permission, kind.noun);
  }
  return nouns;
}
