// The roles that come with the cloud. They follow the catalog, so that a new kind needs no line here.
//
// | role          | resources of a project (networks, machines, images …) | roles, bindings                 | the project itself | events      | all else of the org |
// |---------------|-------------------------------------------------------|---------------------------------|--------------------|-------------|---------------------|
// | SystemAdmin   | everything, everywhere                                 | everything                      | everything         | everything  | everything          |
// | BreakGlassKeeper | –                                                   | –                               | –                  | –           | break-glass         |
// | OrgAdmin      | everything where it is bound                           | everything                      | everything         | everything  | everything          |
// | ProjectAdmin  | everything                                             | everything, of what it has      | get, update, plan  | list, watch | –                   |
// | ProjectMember | everything                                             | get, list, watch                | get                | list, watch | –                   |
// | ProjectViewer | get, list, watch, plan                                 | get, list, watch, plan          | get                | list, watch | –                   |
//
// A plan stores nothing and tells nothing that a read does not, so whoever may only look may plan: a pull request's check needs no more.
// Quotas are set in the scope above: in a project by an OrgAdmin, in an org by a SystemAdmin.
// What OrgAdmin has follows from the scope where it is bound. None but SystemAdmin and GuardrailAdmin writes guardrails: no star stands for that.
import { create, toBinary } from "@bufbuild/protobuf";
import { type Catalog, type Kind, Scope } from "@photoncloud/proto";
import { type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { type Store, StoreError, type Tx } from "../../store/store.ts";
import { roleOf } from "./policy/scope-table.ts";

const reading = ["get", "list", "watch"];
const viewing = [...reading, "plan"];
/** Who may do what, and who never did. */
const asked = ["iam:authz:who_can", "iam:authz:unused"];
const events = ["chainfire:events:list", "chainfire:events:watch"];
/** What there is in a scope and how much more there may be; quotas themselves are a kind. */
const usage = "credits:usage:get";
/** Terraform's own states, where the server keeps them. They tell more than a viewer sees: outputs, and what other providers made. */
const states = ["terraform:states:read", "terraform:states:write"];

/** "compute:vms:" of a kind. */
function actionsOf(kind: Kind, verbs: readonly string[]): readonly string[] {
  const [area, plural] = kind.standard.create.permission.split(":");
  return verbs.map((verb) => `${area}:${plural}:${verb}`);
}

function role(id: string, name: string, description: string, actions: readonly string[]): Role {
  return create(RoleSchema, {
    id,
    name,
    description,
    builtIn: true,
    permissions: actions.map((action) => ({ action })),
  });
}

export function builtInRoles(catalog: Catalog): readonly Role[] {
  const inProject = catalog.kinds.filter((kind) => kind.scope === Scope.PROJECT || kind.scope === Scope.ANY);
  const [ofIam, rest] = [true, false].map((iam) => inProject.filter((kind) => (kind.component === "iam") === iam));
  /** Set from above what they limit. */
  const [quotas, ofOthers] = [true, false].map((is) => (rest ?? []).filter(({ noun }) => (noun === "quota") === is));
  /** Methods that answer something about a resource and change nothing. */
  const asking = inProject.flatMap((kind) => kind.queries.map(({ permission }) => permission));
  const all = (kinds: readonly Kind[] | undefined, verbs: readonly string[]) =>
    (kinds ?? []).flatMap((kind) => actionsOf(kind, verbs));
  const [guardrails, giving] = [true, false].map((is) =>
    (ofIam ?? []).filter(({ noun }) => (noun === "guardrail") === is),
  );
  return [
    role("SystemAdmin", "System administrator", "Everything. Bind it at the system.", ["*", "iam:guardrails:*"]),
    role(
      "BreakGlassKeeper",
      "Keeper of the break-glass",
      "Asks for the sealed administrator, approves it for others, and ends it. Bind it at the system.",
      ["iam:break_glasses:*"],
    ),
    role("OrgAdmin", "Org administrator", "Everything in an org, its users and roles included. Bind it at an org.", [
      "*",
    ]),
    role(
      "GuardrailAdmin",
      "Guardrail administrator",
      "Writes guardrails, which bind administrators, too; sees who may do what.",
      ["iam:guardrails:*", ...all(ofIam, reading), ...asked],
    ),
    role("ProjectAdmin", "Project administrator", "Everything in a project, its roles and role bindings included.", [
      ...all([...(ofOthers ?? []), ...(giving ?? [])], ["*"]),
      ...all([...(guardrails ?? []), ...(quotas ?? [])], viewing),
      ...asked,
      ...["get", "update", "plan"].map((verb) => `iam:projects:${verb}`),
      ...events,
      ...states,
      usage,
    ]),
    role(
      "ProjectMember",
      "Project member",
      "Makes, changes and deletes the resources of a project; sees who may do what.",
      [
        ...all(ofOthers, ["*"]),
        ...all([...(ofIam ?? []), ...(quotas ?? [])], reading),
        "iam:projects:get",
        ...events,
        ...states,
        usage,
      ],
    ),
    role(
      "ProjectViewer",
      "Project viewer",
      "Looks at the resources of a project, and plans changes that others make.",
      [...new Set([...all(inProject, viewing), ...asking, "iam:projects:get", ...events, usage])],
    ),
  ];
}

/** Stores the roles as this version of the cloud has them. Done at every start; changes nothing where nothing differs. */
export async function seedRoles(store: Store, catalog: Catalog): Promise<void> {
  const roles = builtInRoles(catalog);
  const write = () =>
    store.transact(async (tx) => {
      for (const one of roles) await seed(tx, one);
    });
  await write().catch((error: unknown) => {
    // Another server that starts at the same time was first: now they are there.
    if (error instanceof StoreError && error.detail.reason === "duplicate_id") return write();
    throw error;
  });
}

async function seed(tx: Tx, one: Role): Promise<void> {
  const key = { tenant: { org: "", project: "" }, kind: RoleSchema.typeName, id: one.id };
  const data = toBinary(RoleSchema, one);
  const row = await tx.get(key);
  if (row !== undefined && Buffer.compare(row.data, data) === 0) return;
  const write = { ...key, name: one.name, data, claims: [], references: [] };
  if (row === undefined) tx.create(write);
  else tx.update(write);
  const version = (row === undefined ? 0n : roleOf(row).version) + 1n;
  const observed = toBinary(RoleSchema, create(RoleSchema, { version }));
  tx.observe(key, observed);
  const by = { actor: "engine", sourceIp: "", requestId: "", method: "", permission: "" };
  tx.append({
    ...key,
    ...by,
    type: row === undefined ? "created" : "updated",
    version: (row?.version ?? 0) + 1,
    resource: Buffer.concat([data, observed]),
  });
}
