// Asks the server, method by method, what each of the roles that come with the cloud may do: where it is bound, beside it, and in another org.
import { catalog, type Kind, type Method, Open, Scope } from "@photoncloud/proto";
import { builtInRoles } from "@photoncloud/server/testing";
import { invoke, type Json, missing, opened, pathOf } from "../isolation/calls.ts";
import { member, must } from "../isolation/world.ts";

interface Place {
  readonly orgId: string;
  readonly projectId: string;
}

/** In the order of the golden file's three signs. */
export const places: readonly Place[] = [
  { orgId: "acme", projectId: "alpha" },
  { orgId: "acme", projectId: "beta" },
  { orgId: "rival", projectId: "gamma" },
];

export interface Asker {
  readonly role: string;
  readonly token: string;
}

/** Where a role is bound that is meant for a scope: of the system, of the org acme, or of its project alpha. */
function homeOf(role: string): { readonly orgId?: string; readonly projectId?: string } {
  if (role === "SystemAdmin" || role === "BreakGlassKeeper") return {};
  return role.startsWith("Project") ? { orgId: "acme", projectId: "alpha" } : { orgId: "acme" };
}

/** Orgs and projects that can't be deleted, since they hold something. */
async function furnish(url: string, admin: string): Promise<void> {
  for (const id of ["acme", "rival"]) await must(url, "iam.v1.OrgService/CreateOrg", { id }, admin);
  for (const { orgId, projectId } of places) {
    await must(url, "iam.v1.ProjectService/CreateProject", { org_id: orgId, id: projectId }, admin);
    const vpc = { org_id: orgId, project_id: projectId, name: "kept", cidr: "10.0.0.0/16" };
    await must(url, "prismnet.v1.VpcService/CreateVpc", vpc, admin);
  }
}

/** A service account for each role, and one that has none. */
export async function askers(url: string, admin: string): Promise<readonly Asker[]> {
  await furnish(url, admin);
  const all: Asker[] = [];
  for (const { id: role } of builtInRoles(catalog())) {
    const at = homeOf(role);
    const { id } = await must(url, "iam.v1.ServiceAccountService/CreateServiceAccount", { orgId: "acme" }, admin);
    const principal = `service_account:acme/${id}`;
    await must(url, "iam.v1.RoleBindingService/CreateRoleBinding", { ...at, principal, roleId: role }, admin);
    const login = { orgId: "acme", principalId: id };
    const { token } = await must(url, "iam.v1.IamTokenService/IssueToken", login, admin);
    all.push({ role, token: String(token) });
  }
  return [...all, { role: "none", token: await strangerIn(url, admin) }];
}

/** It may do something, but nowhere that is asked about. */
async function strangerIn(url: string, admin: string): Promise<string> {
  await must(url, "iam.v1.OrgService/CreateOrg", { id: "elsewhere" }, admin);
  return member(url, admin, "elsewhere", "OrgAdmin", {});
}

/** A request that names the place, and nothing that is there; so whoever is let through changes nothing that counts. */
export function bodyOf(method: Method, kind: Kind | undefined, { orgId, projectId }: Place): Json {
  const named = new Set(method.desc.input.fields.map(({ name }) => name));
  const nameless = kind !== undefined && (kind.scope === Scope.SYSTEM || kind.isScope === Scope.ORG);
  const scope = kind?.isScope;
  const id = scope === Scope.ORG ? orgId : scope === Scope.PROJECT ? projectId : missing("none-that-there-is");
  const isCreation = kind !== undefined && method === kind.standard.create;
  return {
    ...(named.has("org_id") && !nameless && { org_id: orgId }),
    ...(named.has("project_id") && !nameless && kind?.scope !== Scope.ORG && { project_id: projectId }),
    ...(named.has("id") && !isCreation && { id }),
  };
}

/** Where the second event of a project begins, so that a stream of events has something to say at once. */
async function cursorIn(url: string, admin: string, { orgId, projectId }: Place): Promise<string> {
  const ask = { org_id: orgId, project_id: projectId, page_size: 1 };
  return String((await must(url, "chainfire.v1.EventService/ListEvents", ask, admin)).nextCursor);
}

/** Codes after which nothing is known of the permission. */
const unsettled = new Set(["resource_exhausted", "unauthenticated", "internal", "unavailable"]);

/** Whether the permission was there; anything else that is wrong with the call comes after that. */
async function isLetThrough(url: string, method: Method, body: Json, token: string): Promise<boolean> {
  const streams = method.desc.methodKind === "server_streaming";
  const { code, text } = streams
    ? await opened(url, pathOf(method), body, token, () => true)
    : await invoke(url, method, body, token);
  if (unsettled.has(code)) throw new Error(`${pathOf(method)} answered ${code}: ${text}`);
  return code !== "permission_denied";
}

const words: Readonly<Record<number, string>> = {
  [Open.ANYONE]: "anyone",
  [Open.AUTHENTICATED]: "anyone who is logged in",
};

/** Every method of the catalog with the kind that it is of. */
export function methods(): readonly { readonly method: Method; readonly kind: Kind | undefined }[] {
  const kinds = new Map(catalog().kinds.map((kind) => [kind.service.typeName, kind]));
  return [...catalog().methods.values()]
    .map((method) => ({ method, kind: kinds.get(method.desc.parent.typeName) }))
    .sort((one, other) => (pathOf(one.method) < pathOf(other.method) ? -1 : 1));
}

const widest = 62;

/** The matrix as text: a line for each method, a column for each role, and in it three signs: where it is bound, beside it, in another org. */
export async function matrix(url: string, admin: string): Promise<string> {
  const all = await askers(url, admin);
  const cursors = new Map(await Promise.all(places.map(async (at) => [at, await cursorIn(url, admin, at)] as const)));
  const lines = [`${"".padEnd(widest)} ${all.map(({ role }) => role).join(" ")}`];
  for (const { method, kind } of methods()) {
    const name = pathOf(method).padEnd(widest);
    if (method.permission === "") {
      lines.push(`${name} ${words[method.open] ?? "?"}`);
      continue;
    }
    const cells = all.map(async ({ role, token }) => {
      const signs = places.map(async (place) => {
        const cursor = method.desc.name === "WatchEvents" ? { cursor: cursors.get(place) } : {};
        return (await isLetThrough(url, method, { ...bodyOf(method, kind, place), ...cursor }, token)) ? "+" : "-";
      });
      return (await Promise.all(signs)).join("").padEnd(role.length);
    });
    lines.push(`${name} ${(await Promise.all(cells)).join(" ")}`);
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
