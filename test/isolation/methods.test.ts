// Every method of every kind, asked by people who have no business with the owner's resources: by the owner's tenant, by their own tenant
// with the owner's id, and with an id that never was. Nothing is read, nothing changes, and nothing tells a foreign id from a missing one.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import { type Answer, comparable, invoke, missing } from "./calls.ts";
import { inputOf } from "./inputs.ts";
import { type Case, casesOf } from "./requests.ts";
import { type Caller, isShared, type Place, snapshot, startWorld, type World } from "./world.ts";

let world: World;
let before: unknown;
beforeAll(async () => {
  world = await startWorld();
  before = await snapshot(world);
});
afterAll(async () => {
  expect(await snapshot(world)).toEqual(before);
  await world.cloud.stop();
});

const many = new Set(["batchGet", "list", "watch"]);
const reading = new Set(["get", "batchGet", "list", "watch", "plan"]);
const inProjects = (kind: Kind) => (kind.scope === Scope.PROJECT || kind.scope === Scope.ANY) && !isShared(kind);

/** Who administers an org or a project does not write its guardrails: they bind administrators, too. A project's quotas are its org's to write. */
const isGuarded = ({ noun }: Kind, { verb }: Case, caller: Caller) =>
  (noun === "guardrail" || (noun === "quota" && caller !== world.foreignOrgAdmin)) && !reading.has(verb ?? "");

function ownId(kind: Kind): string {
  return world.owner.ids.get(kind.typeName) ?? "";
}

/** Whether an answer holds a resource. */
function shows(kind: Kind, { body, text }: Answer): boolean {
  return body.id !== undefined || text.includes(`"${ownId(kind)}"`);
}

interface Asked {
  readonly foreign: Answer;
  readonly missing: Answer;
}

/** Asks about the owner's id and about one that never was, in a tenant. */
async function ask(kind: Kind, one: Case, place: Place, token: string | undefined): Promise<Asked> {
  const id = ownId(kind);
  const foreign = await invoke(world.url, one.method, one.body({ place, id }), token);
  const never = await invoke(world.url, one.method, one.body({ place, id: missing(id) }), token);
  expect(comparable(foreign, id, id)).toBe(comparable(never, missing(id), id));
  return { foreign, missing: never };
}

const kinds = catalog().kinds.map((kind) => [kind.noun, kind] as const);

test("every kind and every method has a case", () => {
  for (const [, kind] of kinds) {
    expect(Object.keys(inputOf(kind, world.owner, "tag"))).toContain("name");
    expect(casesOf(kind)).toHaveLength(kind.service.methods.length);
  }
});

describe("without a token that is good", () => {
  const tokens: readonly [string, string | undefined][] = [
    ["none", undefined],
    ["garbage", "garbage"],
    ["three parts of garbage", "e30.e30.e30"],
  ];
  test.each(kinds)("%s: every method is refused before anything is looked at", async (_, kind) => {
    for (const one of casesOf(kind))
      for (const [name, token] of tokens) {
        const { foreign } = await ask(kind, one, world.owner, token);
        expect({ method: one.name, token: name, code: foreign.code }).toMatchObject({ code: "unauthenticated" });
      }
  });
});

describe("in the owner's tenant", () => {
  const strangers = (): readonly Caller[] => [world.foreignProjectAdmin, world.foreignOrgAdmin, world.neighbour];
  test.each(kinds)("%s: strangers and neighbours are denied", async (_, kind) => {
    for (const caller of strangers())
      for (const one of casesOf(kind)) {
        const { foreign } = await ask(kind, one, world.owner, caller.token);
        const seen = { caller: caller.name, method: one.name, code: foreign.code, text: foreign.text };
        expect(seen).toMatchObject({ code: "permission_denied" });
        // A stream that is refused says so at its end: its status was sent before.
        expect(foreign.status).toBe(one.verb === "watch" ? 200 : 403);
      }
  });

  test.each(kinds)("%s: a viewer reads and plans, and changes nothing", async (_, kind) => {
    for (const one of casesOf(kind)) {
      const id = ownId(kind);
      const { code } = await invoke(world.url, one.method, one.body({ place: world.owner, id }), world.viewer.token);
      // Who plans a grant is told what the grant would be told: that nobody gives what they do not have.
      const isGrant = (kind.component === "iam" && kind.noun !== "guardrail") || kind.noun === "quota";
      const gives = isGrant && one.verb === "plan";
      const may = one.verb !== undefined && reading.has(one.verb) && inProjects(kind) && !gives;
      const ownProject = kind.isScope === Scope.PROJECT && (one.verb === "get" || one.verb === "batchGet");
      if (kind.queries.some(({ desc }) => desc.name === one.name)) {
        const denied = !inProjects(kind);
        expect({ method: one.name, denied: code === "permission_denied" }).toEqual({ method: one.name, denied });
        continue;
      }
      expect({ method: one.name, code }).toEqual({
        method: one.name,
        code: may || ownProject ? "ok" : "permission_denied",
      });
    }
  });
});

describe("in their own tenant, with the owner's id", () => {
  async function check(kind: Kind, caller: Caller, may: boolean): Promise<void> {
    for (const one of casesOf(kind).filter(({ verb }) => verb !== "create")) {
      const { foreign } = await ask(kind, one, caller.home, caller.token);
      const found = many.has(one.verb ?? "") ? "ok" : "not_found";
      const expected = may && !isGuarded(kind, one, caller) ? found : "permission_denied";
      expect({ method: one.name, code: foreign.code }).toEqual({ method: one.name, code: expected });
      expect(may && shows(kind, { ...foreign, text: foreign.code === "ok" ? foreign.text : "" })).toBe(false);
    }
  }
  test.each(kinds)("%s: a foreign project's administrator finds nothing", (_, kind) =>
    check(kind, world.foreignProjectAdmin, inProjects(kind)),
  );
  test.each(kinds)("%s: a foreign org's administrator finds nothing", (_, kind) =>
    check(kind, world.foreignOrgAdmin, kind.scope !== Scope.SYSTEM && !isShared(kind)),
  );
  test.each(kinds)("%s: the other project's administrator finds nothing", (_, kind) =>
    check(kind, world.neighbour, inProjects(kind)),
  );
});

describe("what all tenants share", () => {
  const callers = (): readonly Caller[] => [world.foreignProjectAdmin, world.foreignOrgAdmin, world.viewer];
  test.each(kinds.filter(([, kind]) => isShared(kind)))(
    "%s: everybody sees it, and nobody makes or changes it",
    async (_, kind) => {
      for (const caller of callers())
        for (const one of casesOf(kind)) {
          const { orgId: org_id, projectId: project_id } = caller.home;
          const body = { ...one.body({ place: caller.home, id: ownId(kind) }), org_id, project_id };
          const answer = await invoke(world.url, one.method, body, caller.token);
          const sees = one.verb !== "plan" && reading.has(one.verb ?? "");
          const seen = { caller: caller.name, method: one.name, code: answer.code };
          if (sees) expect({ ...seen, shows: shows(kind, answer) }).toEqual({ ...seen, code: "ok", shows: true });
          else expect(["permission_denied", "not_found", "invalid_argument"]).toContain(seen.code);
        }
    },
  );
});
