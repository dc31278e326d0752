// Permission checks a second on one core, in a cloud of 10,000 principals, 1,000 roles and 50,000 bindings. Principals, projects and resources are
// drawn anew for each check, so that no cache of a few hot paths can shine. Against the least that any check could do: an asynchronous function that
// looks one string up in a map of the same size.
import { create, toBinary } from "@bufbuild/protobuf";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { GuardrailSchema } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { systemClock } from "../server/src/clock.ts";
import { createAuthorizer } from "../server/src/services/iam/policy/authorizer.ts";
import { FreshPolicies } from "../server/src/services/iam/policy/policies.ts";
import { ScopeIndex } from "../server/src/services/iam/policy/scope-index.ts";
import { Uses } from "../server/src/services/iam/policy/uses.ts";
import type { Principal } from "../server/src/services/kind.ts";
import type { ListQuery, Records, ResourceRow, Tenant } from "../server/src/store/store.ts";
import type { Figure } from "./main.ts";

const orgs = 100;
const usersEach = 100;
const rolesEach = 10;
const bindingsEach = 5;
const projectsEach = 4;
const runMs = 2_000;
/** Questions that are drawn before the time is taken, and asked in turn: more than there are principals. */
const drawn = 1 << 16;

function rowOf(tenant: Tenant, kind: string, id: string, data: Uint8Array): ResourceRow {
  const times = { createdAt: 0, updatedAt: 0 };
  const empty = new Uint8Array();
  return { tenant, kind, id, name: id, phase: "live", version: 1, data, observed: empty, secret: empty, ...times };
}

const condition = 'resource.owner == principal.id && request.source_ip.inNetwork("192.0.2.0/24")';

/** Ten roles in each org: every other one with a condition on what it allows. */
function roles(org: string): readonly ResourceRow[] {
  return Array.from({ length: rolesEach }, (_, index) => {
    const conditions = index % 2 === 0 ? [] : [condition];
    const permissions = ["vms:*", "images:get", "images:list", "hosts:get"].map((action) => ({
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
    const id = `binding-${org}-${index}`;
    return rowOf({ org, project }, RoleBindingSchema.typeName, id, toBinary(RoleBindingSchema, binding));
  });
}

/** Every user is in two groups that give nothing here, and the org has a guardrail that speaks of something else. */
function rest(org: string): readonly ResourceRow[] {
  const tenant = { org, project: "" };
  const groups = Array.from({ length: 4 }, (_, index) => {
    const members = Array.from({ length: usersEach / 2 }, (__, at) => `user:${org}/user-${2 * at + (index % 2)}`);
    return rowOf(
      tenant,
      GroupSchema.typeName,
      `group-${index}`,
      toBinary(GroupSchema, create(GroupSchema, { members })),
    );
  });
  const guardrail = create(GuardrailSchema, { id: "guard", statements: [{ action: "network:vpcs:delete" }] });
  return [...groups, rowOf(tenant, GuardrailSchema.typeName, "guard", toBinary(GuardrailSchema, guardrail))];
}

/** A store that answers lists, whole. */
function storeOf(rows: readonly ResourceRow[]) {
  const keyOf = (tenant: Tenant, kind: string) => `${tenant.org}/${tenant.project}/${kind}`;
  const byScope = Map.groupBy(rows, (row) => keyOf(row.tenant, row.kind));
  return {
    get: async () => undefined,
    list: async ({ tenants, kind }: ListQuery) => tenants.flatMap((tenant) => byScope.get(keyOf(tenant, kind)) ?? []),
  };
}

const noRecords: Records = {
  get: async () => undefined,
  list: async () => [],
  put: async () => true,
  delete: async () => undefined,
};

/** What this process has computed so far, in milliseconds: what others compute on the same machine is not its own. */
function computedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** For each second of one core. */
async function perSecond(once: (index: number) => Promise<unknown>): Promise<number> {
  const began = computedMs();
  let done = 0;
  for (; computedMs() - began < runMs; done += 1_000)
    for (let index = 0; index < 1_000; index += 1) await once(done + index);
  return done / ((computedMs() - began) / 1_000);
}

/** The same numbers in every run: xorshift32. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

interface Asked {
  readonly principal: Principal;
  readonly path: { readonly org: string; readonly project: string; readonly type: string; readonly id: string };
}

function questions(odd: boolean): readonly Asked[] {
  const below = drawing(odd ? 7 : 11);
  return Array.from({ length: drawn }, () => {
    const org = `org-${below(orgs)}`;
    const id = `user-${2 * below(usersEach / 2) + (odd ? 1 : 0)}`;
    const path = { org, project: `project-${1 + below(projectsEach)}`, type: "vm", id: `vm-${below(1_000_000)}` };
    return { principal: { kind: "user", org, id, project: "", sessionId: "" }, path };
  });
}

export async function bench(): Promise<readonly Figure[]> {
  const names = Array.from({ length: orgs }, (_, index) => `org-${index}`);
  const rows = names.flatMap((org) => [...roles(org), ...bindings(org), ...rest(org)]);
  const index = new ScopeIndex(storeOf(rows), systemClock);
  const uses = new Uses(noRecords, systemClock);
  const anywhere = { tenant: { org: "", project: "" }, kind: RoleBindingSchema.typeName, id: "any" };
  // Everybody asks where they are given something.
  const policies = new FreshPolicies(index, { referrers: async () => [anywhere] }, { fresh: () => undefined });
  const authorizer = createAuthorizer(policies, systemClock, uses);
  const check = (odd: boolean, action: string, expected: boolean) => {
    const asked = questions(odd);
    return async (at: number) => {
      const one = asked[at % drawn];
      if (one === undefined) return;
      const { principal, path } = one;
      const { allowed } = await authorizer.authorize(principal, action, path, {
        sourceIp: "192.0.2.1",
        method: "bench",
        attributes: async () => ({ owner: principal.id }),
      });
      if (allowed !== expected)
        throw new Error(`${action} on ${JSON.stringify(path)} was ${allowed ? "" : "not "}allowed`);
    };
  };
  const known = new Map(names.flatMap((org) => Array.from({ length: 500 }, (_, at) => [`${org}/${at}`, at])));
  const lookUp = async (at: number) => known.get(`org-${at % orgs}/${at % 500}`);
  // Everything is read once, and the code is warm.
  for (const odd of [false, true]) {
    const warm = check(odd, "compute:vms:get", true);
    for (let at = 0; at < drawn; at += 1) await warm(at);
  }
  const floor = await perSecond(lookUp);
  const figures = [
    ["allowed without a condition", await perSecond(check(false, "compute:vms:get", true))],
    ["allowed by a condition in CEL", await perSecond(check(true, "compute:vms:get", true))],
    ["denied: nothing allows it", await perSecond(check(false, "network:vpcs:get", false))],
    ["denied by a guardrail", await perSecond(check(false, "network:vpcs:delete", false))],
  ] as const;
  return figures.map(([name, value]) => ({
    name: `check, ${name}`,
    value,
    floor,
    ratio: value / floor,
    unit: "checks/s",
  }));
}
