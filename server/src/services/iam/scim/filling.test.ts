// Accounts that were made before directories could look them up: found at once by looking at all, and by their claims as soon as those are filled in.
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { Claim, Store } from "../../../store/store.ts";
import { userNameClaim } from "../federation/user-link.ts";
import { idsOfSought } from "../sought.ts";
import { onEachStore } from "../testing/databases.ts";
import { openWorld, type World } from "../testing/world.ts";
import { Filling } from "./filling.ts";
import { groupsSought, usersSought } from "./sought.ts";

const admin = "user:system/admin";
const tenant = { org: "acme", project: "" };
const system = { org: "system", project: "" };
const bob = { org: "acme", kind: UserSchema.typeName, field: "external_id", value: "ext-bob" } as const;
const ops = { org: "acme", kind: GroupSchema.typeName, field: "name", value: "operators" } as const;
let world: World;

/** Leaves of a row's claims those that it had before there were others. */
async function age(store: Store, kind: string, id: string, claims: readonly Claim[], of = tenant): Promise<void> {
  await store.transact(async (tx) => {
    const row = await tx.get({ tenant: of, kind, id });
    if (row === undefined) throw new Error(`there is no ${id}`);
    const org = { tenant: { org: "", project: "" }, kind: "iam.v1.Org", id: of.org };
    tx.update({ ...row, claims, references: [{ path: "org_id", target: org }] });
  });
}

onEachStore((openStore) => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore();
    world = await openWorld({ store });
    const user = {
      orgId: "acme",
      id: "robert",
      userName: "robert@acme.example",
      externalId: "ext-bob",
      email: "bob@acme.example",
    };
    await world.create(admin, "user", user);
    await world.create(admin, "group", { orgId: "acme", id: "ops", name: "Operators", members: ["user:acme/robert"] });
    await age(store, UserSchema.typeName, "robert", [userNameClaim("acme", user.userName)]);
    await age(store, GroupSchema.typeName, "ops", []);
    // The cloud's own accounts are older, too.
    for (const id of ["admin", "break-glass"]) await age(store, UserSchema.typeName, id, [], system);
    await store.records.delete("iam/sought", "filled-2");
  });
  afterEach(() => world.close());

  function filling(): Filling {
    const failed = (error: unknown) => {
      throw error;
    };
    return new Filling({ store, resources: () => world.resources, failed });
  }

  test("until then all are looked at; then each is looked up, and nothing else of it has changed", async () => {
    const { isFilled } = filling();
    const byExternalId = [{ path: ["externalId"], value: "ext-bob" }];
    const byName = [{ path: ["displayName"], value: "OPERATORS" }];
    expect(await usersSought({ store, isFilled }, "acme", byExternalId)).toBeUndefined();
    expect(await groupsSought({ store, isFilled }, "acme", byName)).toBeUndefined();
    const before = await world.call(admin, "user", "get", { orgId: "acme", id: "robert" });
    await filling().run();
    expect(await usersSought({ store, isFilled }, "acme", byExternalId)).toEqual(["robert"]);
    expect(await groupsSought({ store, isFilled }, "acme", byName)).toEqual(["ops"]);
    const byEmail = [{ path: ["emails", "value"], value: "Bob@acme.example" }];
    expect(await usersSought({ store, isFilled }, "acme", byEmail)).toEqual(["robert"]);
    const byMember = [{ path: ["members", "value"], value: "robert" }];
    expect(await groupsSought({ store, isFilled }, "acme", byMember)).toEqual(["ops"]);
    const after = await world.call(admin, "user", "get", { orgId: "acme", id: "robert" });
    const versioned = { etag: "", updateTime: undefined, status: undefined };
    expect({ ...after, ...versioned }).toEqual({ ...before, ...versioned });
  });

  test("is begun by the next start, by several servers at once, and done once", async () => {
    const again = jest.spyOn(world.resources, "again");
    const fillings = [filling(), filling()];
    await Promise.all(fillings.map((one) => one.run()));
    expect(await idsOfSought(store, bob)).toEqual(["robert"]);
    expect(await idsOfSought(store, ops)).toEqual(["ops"]);
    const times = again.mock.calls.length;
    await filling().run();
    expect(again.mock.calls.length).toBe(times);
  });

  test("is not done where it was stopped, nor where it failed", async () => {
    const stopped = filling();
    await stopped.stop();
    await expect(stopped.run()).rejects.toThrow("aborted");
    expect(await stopped.isFilled()).toBe(false);
    jest.spyOn(world.resources, "again").mockRejectedValueOnce(new Error("the database is gone"));
    await expect(filling().run()).rejects.toThrow("gone");
    expect(await filling().isFilled()).toBe(false);
    await filling().run();
    expect(await filling().isFilled()).toBe(true);
  });
});
