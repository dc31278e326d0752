// For tests of what depends on the store: the same world on SQLite and on PostgreSQL.
import { afterAll, beforeAll, describe, test } from "@jest/globals";
import { openPostgresStore } from "../../../store/index.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../store/testing/postgres.ts";
import type { Authorizer, ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { openWorld, type World } from "./world.ts";

const startMs = 90_000;

/** Declares tests once for each database; each has a world of its own. `prepare` runs once it is open. */
export function onEachDatabase(tests: (world: () => World) => void, prepare: (world: World) => Promise<void>): void {
  describe("on SQLite", () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld();
      await prepare(world);
    });
    afterAll(() => world.close());
    tests(() => world);
  });
  const missing = postgresMissing();
  if (missing !== undefined) return void test.skip(`on PostgreSQL (${missing})`, () => undefined);
  describe("on PostgreSQL", () => {
    let postgres: TestPostgres;
    let world: World;
    beforeAll(async () => {
      postgres = await startPostgres();
      world = await openWorld({ store: await openPostgresStore({ url: postgres.url }) });
      await prepare(world);
    }, startMs);
    afterAll(async () => {
      await world.close();
      await postgres.stop();
    }, startMs);
    tests(() => world);
  });
}

/** The user of acme whom tests ask about most. */
export const bob: Principal = { kind: "user", org: "acme", id: "bob", project: "", sessionId: "" };

/** A machine in a project of acme. */
export const vm: ResourcePath = { org: "acme", project: "alpha", type: "vm", id: "vm-1" };

/** As `World.may`, with all that a session brings and takes away. */
export async function may(
  { iam }: World,
  principal: Principal,
  action: string,
  path: ResourcePath = vm,
  more: Partial<Parameters<Authorizer["authorize"]>[3]> = {},
): Promise<boolean> {
  const asked = { sourceIp: "192.0.2.1", attributes: async () => ({}), ...more };
  return (await iam.authorizer.authorize(principal, action, path, asked)).allowed;
}

const acme = { orgId: "acme" };

/** Makes a group of acme. */
export function group(world: World, who: string, id: string, members: readonly string[]) {
  return world.create(who, "group", { ...acme, id, members });
}

/** Says who is in a group of acme. */
export function setMembers(world: World, who: string, id: string, members: readonly string[]) {
  const request = { ...acme, id, group: { members }, updateMask: { paths: ["members"] } };
  return world.call(who, "group", "update", request);
}
