// ListUnusedPermissions: what the bindings of a scope give that nobody has used through them for a time.
import { create, isMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import {
  type ListUnusedPermissionsRequest,
  ListUnusedPermissionsRequestSchema,
  ListUnusedPermissionsResponseSchema,
  type UnusedGrantSchema,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { invalidField } from "../../../fault.ts";
import { permissionsOf } from "../policy/permissions.ts";
import type { Bound } from "../policy/scope-table.ts";
import type { CompiledRole } from "../policy/statements.ts";
import { dayOf, msOf } from "../policy/uses.ts";
import { grantOf } from "../policy/view.ts";
import { longestWord, malformed, refuseLong } from "./asking.ts";
import type { AuthzParts } from "./index.ts";

const defaultDays = 90;
const mostDays = 365;
const defaultPage = 50;
const mostOnPage = 100;

export async function listUnused(parts: AuthzParts, request: Message): Promise<Message> {
  if (!isMessage(request, ListUnusedPermissionsRequestSchema)) throw malformed();
  refuseBad(request);
  const { levels } = await parts.policies.view({ org: request.orgId, project: request.projectId }, request.orgId);
  const all = [...(levels[0]?.table.bindings ?? [])].sort((one, other) => (one.id < other.id ? -1 : 1));
  const rest = all.filter(({ id }) => id > request.pageToken);
  const page = rest.slice(0, request.pageSize || defaultPage);
  const since = dayOf(parts.clock.now()) - (request.days || defaultDays);
  const grants = [];
  for (const bound of page) {
    const role = grantOf(levels, 0, bound, undefined)?.role;
    if (role !== undefined) grants.push(await unusedOf(parts, bound, role, since));
  }
  return create(ListUnusedPermissionsResponseSchema, {
    grants: grants.filter(({ unused }) => unused.length > 0),
    nextPageToken: page.length < rest.length ? (page.at(-1)?.id ?? "") : "",
    notedSince: timestampFromMs(await parts.uses.since()),
  });
}

function refuseBad({ orgId, projectId, days, pageSize, pageToken }: ListUnusedPermissionsRequest): void {
  const words = { org_id: orgId, project_id: projectId, page_token: pageToken };
  for (const [path, word] of Object.entries(words)) refuseLong(path, word, longestWord);
  if (days < 0 || days > mostDays)
    throw invalidField("days", "range", `${days} is out of range; give 1 to ${mostDays}`);
  if (pageSize < 0 || pageSize > mostOnPage)
    throw invalidField("page_size", "range", `${pageSize} is out of range; give 1 to ${mostOnPage}`);
  if (projectId !== "" && orgId === "") throw invalidField("org_id", "required", "it is missing; give a value");
}

async function unusedOf({ uses, catalog }: AuthzParts, bound: Bound, role: CompiledRole, since: number) {
  const last = new Map<string, number>();
  for (const { permissions } of await uses.through(bound.id))
    for (const [permission, day] of permissions) last.set(permission, Math.max(day, last.get(permission) ?? 0));
  const given = givenBy(role, catalog);
  const days = [...last.values()];
  return {
    roleBindingId: bound.id,
    principal: bound.principal,
    roleId: role.id,
    granted: given.length,
    unused: given.filter((permission) => (last.get(permission) ?? 0) < since),
    ...(days.length > 0 && { lastUseTime: timestampFromMs(msOf(Math.max(...days))) }),
  } satisfies MessageInitShape<typeof UnusedGrantSchema>;
}

/** The permissions that a role allows, at least somewhere. */
function givenBy(role: CompiledRole, catalog: Catalog): readonly string[] {
  return permissionsOf(catalog).filter((permission) => {
    const { allowances, denials } = role.speaking(permission);
    const never = denials.some(({ resource, conditions }) => resource === undefined && conditions.length === 0);
    return allowances.length > 0 && !never;
  });
}
