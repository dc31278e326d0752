// iam.v1.IamAuthzService: answers who may do what.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import { Scope, standardVerbs } from "@photoncloud/proto";
import {
  type AuthorizeRequest,
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  IamAuthzService,
  TestPermissionsRequestSchema,
  TestPermissionsResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { Fault, invalidField } from "../../fault.ts";
import { type Authorizer, type Call, formatPath, type ResourcePath, type ServiceHandlers } from "../call.ts";
import type { Principal } from "../kind.ts";
import { parsePrincipalName, principalName } from "./principal-name.ts";
import { unauthenticated } from "./tokens/access-token.ts";

const checkPermission = "iam:authz:check";
const mostPermissions = 100;
const mostAttributes = 64;
const longestAttribute = 1_024;
/** In characters; decisions are remembered by the words that were asked for. */
const longestWord = 256;
const longestResource = 512;

export function authzService(authorizer: Authorizer, catalog: Catalog): ServiceHandlers {
  const nounOf = nounsByPermission(catalog);
  return {
    service: IamAuthzService,
    methods: {
      Authorize: async (request, call) => {
        if (!isMessage(request, AuthorizeRequestSchema)) throw malformed();
        return create(AuthorizeResponseSchema, await authorize(authorizer, request, call));
      },
      TestPermissions: async (request, call) => testPermissions(authorizer, nounOf, request, call),
    },
  };
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}

function callerOf(call: Call): Principal {
  if (call.principal === undefined) throw unauthenticated();
  return call.principal;
}

async function authorize(authorizer: Authorizer, request: AuthorizeRequest, call: Call) {
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

function refuseLong(path: string, text: string, limit: number): void {
  if (text.length > limit)
    throw invalidField(path, "size", `it has ${text.length} characters; at most ${limit} are allowed`);
}

/** Asking for someone else needs the permission where it is asked for, and where they belong. */
async function other(
  authorizer: Authorizer,
  caller: Principal,
  name: string,
  path: ResourcePath,
  call: Call,
): Promise<Principal> {
  const identity = parsePrincipalName(name);
  if (identity === undefined)
    throw invalidField(
      "principal",
      "pattern",
      `${JSON.stringify(name)} is no principal; give one as "user:acme-corp/alice"`,
    );
  if (name !== principalName(caller))
    for (const org of new Set([path.org, identity.org])) {
      const where = { org, project: "", type: "", id: "" };
      const context = { sourceIp: call.sourceIp, attributes: async () => ({}) };
      const decision = await authorizer.authorize(caller, checkPermission, where, context);
      if (!decision.allowed)
        throw new Fault(
          "PERMISSION_DENIED",
          `asking what ${name} may do needs ${checkPermission} in ${formatPath(where) || "the system"}`,
          {
            permission: checkPermission,
          },
        );
    }
  return { ...identity, project: "", sessionId: "" };
}

function refuseBigAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes);
  if (entries.length > mostAttributes || entries.some(([, value]) => value.length > longestAttribute))
    throw invalidField(
      "resource_attributes",
      "size",
      `give at most ${mostAttributes} attributes of ${longestAttribute} characters`,
    );
}

/** Reads org/{org}/project/{project}/{type}/{id}, whose parts at the end may be left out. */
export function parsePath(text: string): ResourcePath {
  const parts = text === "" ? [] : text.split("/");
  if (parts.some((part) => part === "" || part === "*")) throw badPath(text);
  const take = (word: string) => (parts[0] === word && parts.length > 1 ? parts.splice(0, 2)[1] : undefined) ?? "";
  const org = take("org");
  const project = org === "" ? "" : take("project");
  if (parts.length > 2) throw badPath(text);
  return { org, project, type: parts[0] ?? "", id: parts[1] ?? "" };
}

function badPath(text: string): Fault {
  return invalidField(
    "resource",
    "format",
    `${JSON.stringify(text)} is no resource path; give org/{org}/project/{project}/{type}/{id}, or a part of it from the left`,
  );
}

async function testPermissions(
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
  const held = [];
  for (const permission of permissions) {
    const path = { org, project, type: nounOf.get(permission) ?? "", id: "" };
    const context = { sourceIp: call.sourceIp, attributes: async () => ({}) };
    if ((await authorizer.authorize(caller, permission, path, context)).allowed) held.push(permission);
  }
  return create(TestPermissionsResponseSchema, { permissions: held });
}

/** Of what type a permission speaks, so that resource patterns mean in a test what they mean in the call. */
function nounsByPermission(catalog: Catalog): ReadonlyMap<string, string> {
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
