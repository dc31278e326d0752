// WhoCan: everybody who may do something at a place, and by what. Conditions are told, not evaluated: nobody calls yet.
import { create, isMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type HolderSchema,
  type WhoCanRequest,
  WhoCanRequestSchema,
  WhoCanResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { invalidField } from "../../../fault.ts";
import { type Call, formatPath, mayAlso, type ResourcePath } from "../../call.ts";
import { parseHolder } from "../policy/holders.ts";
import { type Reach, reachOf } from "../policy/reach.ts";
import { type Level, policyOf } from "../policy/view.ts";
import { parseGroupName } from "../principal-name.ts";
import { longestWord, malformed, refuseLong } from "./asking.ts";
import type { AuthzParts } from "./index.ts";
import { joined } from "./statement-message.ts";

const permission = "iam:authz:who_can";
const defaultPage = 100;
const mostOnPage = 1_000;

export async function whoCan(parts: AuthzParts, request: Message, call: Call): Promise<Message> {
  if (!isMessage(request, WhoCanRequestSchema)) throw malformed();
  refuseBad(request);
  const { orgId: org, projectId: project, type, id, action } = request;
  const path = { org, project, type, id };
  const { levels } = await parts.policies.view(path, org);
  const shown = await shownOf(parts, levels, path, call);
  const names = (await namesIn(parts, shown, path)).filter((name) => name > request.pageToken);
  const size = request.pageSize || defaultPage;
  const holders = [];
  for (const name of names) {
    const holder = await holderOf(parts, shown, name, action, path);
    if (holder !== undefined) holders.push(holder);
    if (holders.length > size) break;
  }
  const page = holders.slice(0, size);
  const nextPageToken = holders.length > size ? (page.at(-1)?.principal ?? "") : "";
  return create(WhoCanResponseSchema, { holders: page, nextPageToken, scopes: shown.map(({ scope }) => scope) });
}

function refuseBad(request: WhoCanRequest): void {
  const { orgId, projectId, type, id, action, pageSize, pageToken } = request;
  const words = { org_id: orgId, project_id: projectId, type, id, action, page_token: pageToken };
  for (const [path, word] of Object.entries(words)) refuseLong(path, word, longestWord);
  if (action === "")
    throw invalidField("action", "required", 'it is missing; give one, for example "compute:vms:delete"');
  if (pageSize < 0 || pageSize > mostOnPage)
    throw invalidField("page_size", "range", `${pageSize} is out of range; give 1 to ${mostOnPage}`);
  if (projectId !== "" && orgId === "") throw invalidField("org_id", "required", "it is missing; give a value");
}

/** The scopes of which the caller may ask: who administers the cloud or the org is not the project's business. */
async function shownOf({ authorizer }: AuthzParts, levels: readonly Level[], path: ResourcePath, call: Call) {
  const shown: Level[] = [];
  for (const level of levels) {
    const here = formatPath({ ...path, type: "", id: "" });
    const [, org = "", , project = ""] = level.scope.split("/");
    const where = { org, project, type: "", id: "" };
    // The edge has checked the scope that is asked about.
    if (level.scope === here || (await mayAlso(authorizer, call, permission, where))) shown.push(level);
  }
  return shown;
}

/** Everybody whom a binding of these scopes names or reaches by a group, in order. Who is in a group is its own org's business. */
async function namesIn({ policies }: AuthzParts, shown: readonly Level[], path: ResourcePath) {
  const names = new Set<string>();
  const all = shown.some(({ scope }) => scope === "");
  for (const { table } of shown)
    for (const { principal } of table.bindings) {
      names.add(principal);
      const group = parseGroupName(principal);
      if (group === undefined || (group.org !== path.org && !all)) continue;
      const { home } = await policies.view(path, group.org);
      for (const member of home[0]?.table.membersOf(principal) ?? []) names.add(member);
    }
  return [...names].sort();
}

async function holderOf(
  { policies }: AuthzParts,
  shown: readonly Level[],
  name: string,
  action: string,
  path: ResourcePath,
): Promise<(MessageInitShape<typeof HolderSchema> & { readonly principal: string }) | undefined> {
  const org = parseHolder(name)?.org ?? "";
  const policy = policyOf(await policies.view(path, org), { name, org });
  const scopes = new Set(shown.map(({ scope }) => scope));
  const reach = reachOf(policy, action, path);
  const ways = reach.ways.filter(({ grant }) => scopes.has(grant.scope)).map(wayOf);
  if (ways.length === 0) return undefined;
  const unless = reach.unless.map((one) => (scopes.has(one.scope) ? joined(one.statement) : notShown));
  return { principal: name, ways, onlyIf: reach.onlyIf.map(joined), unless };
}

const notShown = "a condition of a scope of which you may not ask";

function wayOf({ grant, statement }: Reach["ways"][number]) {
  const { role, bindingId, scope, group = "" } = grant;
  const version = { roleId: role.id, roleVersion: BigInt(role.version) };
  return { ...version, roleBindingId: bindingId, scope, group, onlyIf: [...statement.conditionTexts] };
}
