// Permission checks a second in one process, with 10,000 principals, 1,000 roles and 50,000 bindings, against the least that any check
// could do: an asynchronous function that looks one string up in a map of the same size.
import { create, toBinary } from "@bufbuild/protobuf";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { systemClock } from "../server/src/clock.ts";
import { createAuthorizer } from "../server/src/services/iam/policy/authorizer.ts";
import { ScopeIndex } from "../server/src/services/iam/policy/scope-index.ts";
import type { Principal } from "../server/src/services/kind.ts";
import type { ListQuery, ResourceRow, Tenant } from "../server/src/store/store.ts";
import type { Figure } from "./main.ts";

const orgs = 100;
const usersEach = 100;
const rolesEach = 10;
const bindingsEach = 5;
const projectsEach = 5;
const runMs = 1_000;

function rowOf(tenant: Tenant, kind: string, id: string, data: Uint8Array): ResourceRow {
  const times = { createdAt: 0, updatedAt: 0 };
  const empty = new Uint8Array();
  return { tenant, kind, id, name: id, phase: "live", version: 1, data, observed: empty, secret: empty, ...times };
}

/** Ten roles in each org: half of them with a condition on what they allow. */
function roles(org: string): readonly ResourceRow[] {
  return Array.from({ length: rolesEach }, (_, index) => {
    const conditions = index % 2 === 0 ? [] : ["resource.owner == principal.id"];
    const permissions = ["vms:*", "images:get", "images:list"].map((action) => ({
      action: `compute:${action}`,
      conditions,
    }));
    const role = create(RoleSchema, { id: `role-${index}`, permissions });
    return rowOf({ org, project: "" }, RoleSchema.typeName, role.id, toBinary(RoleSchema, role));
  });
}

/** Each user has five bindings, in the org and in its projects; those of even users have no conditions, those of odd ones have. */
function bindings(org: string): readonly ResourceRow[] {
  return Array.from({ length: usersEach * bindingsEach }, (_, index) => {
    const [user, nth] = [Math.floor(index / bindingsEach), index % bindingsEach];
    const project = nth === 0 ? "" : `project-${nth}`;
    const roleId = `role-${(user % 2) + 2 * nth}`;
    const binding = create(RoleBindingSchema, { principal: `user:${org}/user-${user}`, roleId });
    return rowOf(
      { org, project },
      RoleBindingSchema.typeName,
      `binding-${index}`,
      toBinary(RoleBindingSchema, binding),
    );
  });
}

/** A store of the two kinds that answers lists, whole. */
function storeOf(rows: readonly ResourceRow[]) {
  const keyOf = (tenant: Tenant, kind: string) => `${tenant.org}/${tenant.project}/${kind}`;
  const byScope = Map.groupBy(rows, (row) => keyOf(row.tenant, row.kind));
  return {
    get: async () => undefined,
    list: async ({ tenants, kind }: ListQuery) => tenants.flatMap((tenant) => byScope.get(keyOf(tenant, kind)) ?? []),
  };
}

async function perSecond(once: (index: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let done = 0;
  for (; performance.now() - began < runMs; done += 100)
    for (let index = 0; index < 100; index += 1) await once(done + index);
  return done / ((performance.now() - began) / 1000);
}

function principalOf(index: number, odd: boolean): Principal {
  const user = 2 * (index % (usersEach / 2)) + (odd ? 1 : 0);
  return { kind: "user", org: `org-${index % orgs}`, id: `user-${user}`, project: "", sessionId: "" };
}

export async function bench(): Promise<readonly Figure[]> {
  const names = Array.from({ length: orgs }, (_, index) => `org-${index}`);
  const index = new ScopeIndex(storeOf(names.flatMap((org) => [...roles(org), ...bindings(org)])), systemClock);
  const authorizer = createAuthorizer({ of: (principal, path) => index.policy(principal, path) }, systemClock);
  const check = (odd: boolean, action: string) => async (at: number) => {
    const principal = principalOf(at, odd);
    const path = { org: principal.org, project: `project-${1 + (at % (projectsEach - 1))}`, type: "vm", id: "vm-1" };
    return authorizer.authorize(principal, action, path, {
      sourceIp: "192.0.2.1",
      attributes: async () => ({ owner: principal.id }),
    });
  };
  const known = new Map(names.flatMap((org) => Array.from({ length: 500 }, (_, at) => [`${org}/${at}`, at])));
  const lookUp = async (at: number) => known.get(`org-${at % orgs}/${at % 500}`);
  await perSecond(check(false, "compute:vms:get"));
  const floor = await perSecond(lookUp);
  const figures = [
    ["allowed without a condition", await perSecond(check(false, "compute:vms:get"))],
    ["allowed by a condition in CEL", await perSecond(check(true, "compute:vms:get"))],
    ["denied: nothing allows it", await perSecond(check(false, "network:vpcs:get"))],
  ] as const;
  return figures.map(([name, value]) => ({
    name: `check, ${name}`,
    value,
    floor,
    ratio: value / floor,
    unit: "checks/s",
  }));
}
