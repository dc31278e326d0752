// Every method that changes something leaves an event of it, and every method an event of its refusal: generated from the catalog.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import { bodyOf, methods } from "../authz/matrix.ts";
import { call, invoke, pathOf } from "../isolation/calls.ts";
import { type Case, casesOf } from "../isolation/requests.ts";
import { member, must, startWorld, tenantOf, type World } from "../isolation/world.ts";
import { until } from "../terraform/server-process.ts";
import { eventsOf } from "./log.ts";

const alpha = { orgId: "acme", projectId: "alpha" };
const mayTakeMs = 120_000;
/** Refusals of one principal that are surely kept. */
const kept = 15;

let world: World;
/** Reads the whole org's log; may do all in the org, beside the system's administrator. */
let auditor = "";
beforeAll(async () => {
  world = await startWorld();
  auditor = await member(world.url, world.admin, "acme", "OrgAdmin", {});
}, mayTakeMs);
afterAll(() => world.cloud.stop());

/** Somebody of the org with no role. */
async function nobody(): Promise<{ readonly name: string; readonly token: string }> {
  const { url, admin } = world;
  const { id } = await must(url, "iam.v1.ServiceAccountService/CreateServiceAccount", { org_id: "acme" }, admin);
  const { token } = await must(url, "iam.v1.IamTokenService/IssueToken", { org_id: "acme", principal_id: id }, admin);
  return { name: `service_account:acme/${String(id)}`, token: String(token) };
}

describe("a refusal is an event with who, what and why", () => {
  const guarded = methods().filter(({ method }) => method.permission !== "");
  const parts = Array.from({ length: Math.ceil(guarded.length / kept) }, (_, at) =>
    guarded.slice(at * kept, (at + 1) * kept),
  );

  test.each(parts.map((part) => [part[0] ? pathOf(part[0].method) : "", part] as const))(
    "from %s on",
    async (_, part) => {
      const { name, token } = await nobody();
      for (const { method, kind } of part)
        expect(await invoke(world.url, method, bodyOf(method, kind, alpha), token)).toMatchObject({
          code: "permission_denied",
        });
      const told = (await eventsOf(world.url, { org_id: "acme" }, auditor)).filter(({ actor }) => actor === name);
      expect(told.map(({ method }) => method).toSorted()).toEqual(part.map(({ method }) => pathOf(method)).toSorted());
      for (const { method, kind } of part)
        expect(told.find((event) => event.method === pathOf(method))).toMatchObject({
          type: "EVENT_TYPE_DENIED",
          decision: "EVENT_DECISION_DENIED",
          permission: method.permission,
          decidedBy: "nothing",
          credential: "issued:user:system/admin",
          sourceIp: "127.0.0.1",
          requestId: expect.any(String),
          ...(kind?.scope === Scope.PROJECT && { projectId: "alpha" }),
        });
    },
  );
});

/** What the state of things may refuse here; what it takes lets them through one generic way with the others. */
const mayBeRefused: ReadonlySet<string> = new Set([
  ...["ApproveBreakGlass", "DrainHost", "AbortDrain", "EvacuateHost", "AttachDevice", "DetachDevice"],
  ...["StartVm", "StopVm", "ResetVm", "RebootVm", "RestoreVm", "MigrateVm", "CancelVmMove"],
]);

/** Of these one that asks for what is so already changes nothing, and is none. */
const mayChangeNothing: ReadonlySet<string> = new Set(["RollBackRole", "StartVm", "StopVm"]);

interface Done {
  readonly kind: Kind;
  readonly requestId: string;
  readonly method: string;
}

let count = 0;

async function tried(kind: Kind, one: Case, id: string): Promise<(Done & { readonly code: string }) | undefined> {
  count += 1;
  const requestId = `audit-${count}`;
  const method = pathOf(one.method);
  const body = one.body({ place: world.owner, id });
  const { code } = await call(world.url, method, body, world.admin, { "x-request-id": requestId });
  return { kind, requestId, method, code };
}

/** Changes one of each kind, by every method that does; then removes all of them. */
async function changeAll(): Promise<{ readonly done: readonly Done[]; readonly refused: readonly string[] }> {
  const kinds = catalog().kinds.filter(({ isScope }) => isScope === Scope.UNSPECIFIED);
  const [done, refused]: [Done[], string[]] = [[], []];
  const note = (one: Awaited<ReturnType<typeof tried>>) => {
    if (one?.code === "ok") done.push(one);
    else if (one !== undefined) refused.push(one.method);
  };
  const idOf = (kind: Kind) => world.owner.ids.get(kind.typeName) ?? "";
  for (const kind of kinds)
    for (const one of casesOf(kind)) {
      const isQuery = kind.queries.some(({ desc }) => desc.name === one.name);
      if (one.verb === "update" || (one.verb === undefined && !isQuery)) note(await tried(kind, one, idOf(kind)));
    }
  // Another project's addresses are of the network that all share.
  const left = new Set([...world.owner.ids.keys()].reverse().filter((name) => name !== "prismnet.v1.ExternalNetwork"));
  await until("the end of all", async () => {
    for (const kind of kinds.filter(({ typeName }) => left.has(typeName))) {
      const removal = casesOf(kind).find(({ verb }) => verb === "delete");
      const one = removal && (await tried(kind, removal, idOf(kind)));
      if (one?.code !== "ok") continue;
      left.delete(kind.typeName);
      note(one);
    }
    return kinds.every(({ typeName }) => !left.has(typeName));
  });
  return { done, refused };
}

test(
  "every method of every kind that changes something is told, to its org and its project",
  async () => {
    const created = await eventsOf(world.url, {}, world.admin);
    const { done, refused } = await changeAll();
    expect(refused.filter((method) => !mayBeRefused.has(method.replace(/.*\//, "")))).toEqual([]);
    const logs = {
      system: await eventsOf(world.url, {}, world.admin),
      org: await eventsOf(world.url, { org_id: "acme" }, auditor),
      project: await eventsOf(world.url, { org_id: "acme", project_id: "alpha" }, world.viewer.token),
    };
    for (const kind of catalog().kinds)
      expect(created).toContainEqual(
        expect.objectContaining({
          type: "EVENT_TYPE_CREATED",
          kind: kind.typeName,
          method: pathOf(kind.standard.create),
        }),
      );
    const toldOf = ({ kind, requestId, method }: Done) => {
      const tenant = tenantOf(kind, world.owner);
      const log = "project_id" in tenant ? logs.project : "org_id" in tenant ? logs.org : logs.system;
      return log.filter((event) => event.requestId === requestId && event.method === method);
    };
    const untold = done.filter((one) => toldOf(one).length === 0).map(({ method }) => method.replace(/.*\//, ""));
    expect(untold.filter((name) => !mayChangeNothing.has(name))).toEqual([]);
    for (const one of done)
      for (const event of toldOf(one).filter(({ kind }) => kind === one.kind.typeName))
        expect(event).toMatchObject({
          actor: "user:system/admin",
          decision: "EVENT_DECISION_ALLOWED",
          sourceIp: "127.0.0.1",
          type: expect.stringMatching(/_(UPDATED|DELETING|DELETED|OBSERVED)$/),
          decidedBy: expect.any(String),
        });
  },
  mayTakeMs,
);
