// A cloud with an owner, who has one resource of every kind, and strangers who have just as much, elsewhere.
import { catalog, elementType, type Kind, Scope } from "@photoncloud/proto";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { call, type Json, pathOf } from "./calls.ts";
import { inputOf, type Surroundings } from "./inputs.ts";

const readyMs = 15_000;

/** A tenant with one resource of every kind. */
export interface Place extends Surroundings {
  readonly orgId: string;
  readonly projectId: string;
}

/** Who calls, and where they are at home. */
export interface Caller {
  readonly name: string;
  readonly token: string;
  readonly home: Place;
}

export interface World {
  readonly cloud: TestCloud;
  readonly url: string;
  /** The system administrator's. */
  readonly admin: string;
  readonly owner: Place;
  /** Administers a project of another org, by a token for that project. */
  readonly foreignProjectAdmin: Caller;
  /** Administers another org, by a token for the whole of it. */
  readonly foreignOrgAdmin: Caller;
  /** Administers another project of the owner's org. */
  readonly neighbour: Caller;
  /** May look at the owner's project. */
  readonly viewer: Caller;
}

/** Whether only the whole system has such resources: every tenant sees them, and none makes or changes one. */
export function isShared(kind: Kind): boolean {
  return kind.typeName === "prismnet.v1.ExternalNetwork";
}

export function tenantOf(kind: Kind, { orgId, projectId }: { orgId: string; projectId: string }): Json {
  if (kind.scope === Scope.SYSTEM || isShared(kind)) return {};
  return kind.scope === Scope.ORG ? { org_id: orgId } : { org_id: orgId, project_id: projectId };
}

/** Kinds in an order in which each comes after those that it refers to. */
function inOrder(): readonly Kind[] {
  const { kinds } = catalog();
  const done = new Set<Kind>();
  const visit = (kind: Kind) => {
    if (done.has(kind)) return;
    done.add(kind);
    for (const other of kinds) if (refersTo(kind, other) && !needs(other, kind)) visit(other);
    ordered.push(kind);
  };
  const ordered: Kind[] = [];
  kinds.forEach(visit);
  return ordered;
}

function refersTo(kind: Kind, other: Kind): boolean {
  return referencesOf(kind).includes(other.typeName);
}

/** A machine may be made from a snapshot, but a snapshot needs a machine. */
function needs(kind: Kind, other: Kind): boolean {
  return kind.fields.some(({ required, reference }) => required && reference === other.typeName);
}

function referencesOf(kind: Kind): readonly string[] {
  const within = (fields: Kind["fields"]): string[] =>
    fields.flatMap((field) => {
      const type = elementType(field.type);
      return [field.reference, ...(type.type === "message" ? within(type.fields) : [])];
    });
  return within(kind.fields).filter((name) => name !== "" && name !== kind.typeName);
}

export async function must(url: string, path: string, body: Json, token: string): Promise<Json> {
  const answer = await call(url, path, body, token);
  if (answer.code !== "ok") throw new Error(`${path} ${JSON.stringify(body)} answered ${answer.text}`);
  return answer.body;
}

/** Creates one of a kind. A kind that refers to itself is made without first. */
export async function create(url: string, admin: string, kind: Kind, place: Place, tag: string): Promise<string> {
  const itself = place.ids.has(kind.typeName);
  const around = itself ? place : { ...place, ids: new Map([...place.ids, [kind.typeName, "{itself}"]]) };
  const input = inputOf(kind, around, tag);
  const body = JSON.parse(
    JSON.stringify({ ...input, ...tenantOf(kind, place) }, (_, value: unknown) =>
      value === "{itself}" ? undefined : value,
    ),
  );
  return String((await must(url, pathOf(kind.standard.create), body, admin)).id);
}

function idOf(kind: Kind, { ids }: Place): string {
  return ids.get(kind.typeName) ?? "";
}

/** Fills a project with one resource of every kind; the scopes themselves are there, and after the first what all share. */
async function fill(url: string, admin: string, orgId: string, projectId: string, first?: Place): Promise<Place> {
  const shared = catalog().kinds.filter(isShared);
  const ids = new Map(first === undefined ? [] : shared.map((kind) => [kind.typeName, idOf(kind, first)]));
  const place = { orgId, projectId, ids };
  await postJson(url, "iam.v1.UserService/CreateUser", { orgId, id: "bystander" }, admin);
  for (const kind of inOrder()) {
    if (kind.isScope === Scope.ORG) ids.set(kind.typeName, orgId);
    else if (kind.isScope === Scope.PROJECT) ids.set(kind.typeName, projectId);
    else if (first === undefined || !isShared(kind))
      ids.set(kind.typeName, await create(url, admin, kind, place, `${kind.noun.replaceAll("_", "-")}-${projectId}`));
  }
  return place;
}

/** A service account of an org with a role at a scope, and its token. */
export async function member(
  url: string,
  admin: string,
  orgId: string,
  role: string,
  at: { readonly projectId?: string },
): Promise<string> {
  const { id } = await must(url, "iam.v1.ServiceAccountService/CreateServiceAccount", { orgId }, admin);
  const principal = `service_account:${orgId}/${id}`;
  await must(url, "iam.v1.RoleBindingService/CreateRoleBinding", { orgId, ...at, principal, roleId: role }, admin);
  const { token } = await must(url, "iam.v1.IamTokenService/IssueToken", { orgId, ...at, principalId: id }, admin);
  return String(token);
}

async function settled(world: Pick<World, "url" | "admin" | "owner">): Promise<void> {
  for (const deadline = Date.now() + readyMs; ; ) {
    const all = JSON.stringify(await snapshot(world));
    if (!all.includes("STATE_CREATING") && !all.includes("STATE_UPDATING")) return;
    if (Date.now() > deadline) throw new Error(`not settled: ${all}`);
  }
}

/** Everything of the owner's, as an administrator sees it: values, versions and etags. */
export async function snapshot({ url, admin, owner }: Pick<World, "url" | "admin" | "owner">): Promise<Json> {
  const all = catalog().kinds.map(async (kind) => {
    const body = { ...tenantOf(kind, owner), id: owner.ids.get(kind.typeName) };
    return [kind.typeName, await must(url, pathOf(kind.standard.get), body, admin)] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

export async function startWorld(): Promise<World> {
  const cloud = await startTestCloud();
  const { url } = cloud;
  const admin = await cloud.adminToken();
  for (const [org, project] of [
    ["acme", "alpha"],
    ["acme", "beta"],
    ["rival", "gamma"],
  ] as const)
    await cloud.tenant(org, project);
  const owner = await fill(url, admin, "acme", "alpha");
  const rival = await fill(url, admin, "rival", "gamma", owner);
  const beside = await fill(url, admin, "acme", "beta", owner);
  const inProject = { projectId: "gamma" };
  const world: World = {
    cloud,
    url,
    admin,
    owner,
    foreignProjectAdmin: {
      name: "a foreign project's administrator",
      token: await member(url, admin, "rival", "ProjectAdmin", inProject),
      home: rival,
    },
    foreignOrgAdmin: {
      name: "a foreign org's administrator",
      token: await member(url, admin, "rival", "OrgAdmin", {}),
      home: rival,
    },
    neighbour: {
      name: "the other project's administrator",
      token: await member(url, admin, "acme", "ProjectAdmin", { projectId: "beta" }),
      home: beside,
    },
    viewer: {
      name: "the project's viewer",
      token: await member(url, admin, "acme", "ProjectViewer", { projectId: "alpha" }),
      home: owner,
    },
  };
  await settled(world);
  return world;
}
