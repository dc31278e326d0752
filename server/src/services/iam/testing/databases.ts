// For tests of what depends on the store: the same world on SQLite and on PostgreSQL.
import { afterAll, beforeAll, describe, test } from "@jest/globals";
import { type Clock, systemClock } from "../../../clock.ts";
import { openPostgresStore, openSqliteStore } from "../../../store/index.ts";
import type { Store } from "../../../store/store.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../store/testing/postgres.ts";
import type { Authorizer, ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { openWorld, type World } from "./world.ts";

const startMs = 90_000;

/** Opens an empty store of its own. */
export type OpenStore = (clock?: Clock) => Promise<Store>;

/** Declares the same tests for each database; what they open they close. */
export function onEachStore(tests: (openStore: OpenStore) => void): void {
  describe("on SQLite", () => tests((clock = systemClock) => openSqliteStore({ file: ":memory:", clock })));
  const missing = postgresMissing();
  if (missing !== undefined) return void test.skip(`on PostgreSQL (${missing})`, () => undefined);
  describe("on PostgreSQL", () => {
    let postgres: TestPostgres;
    beforeAll(async () => {
      postgres = await startPostgres();
    }, startMs);
    afterAll(() => postgres.stop(), startMs);
    tests(async (clock = systemClock) => openPostgresStore({ url: await postgres.createDatabase(), clock }));
  });
}

/** As `onEachStore`, with one world for all the tests of a database. `prepare` runs once it is open. */
export function onEachDatabase(tests: (world: () => World) => void, prepare: (world: World) => Promise<void>): void {
  onEachStore((openStore) => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld({ store: await openStore() });
      await prepare(world);
    }, startMs);
    afterAll(() => world.close(), startMs);
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
