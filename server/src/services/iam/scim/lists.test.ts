// Lists and filters: what is read for them, and what is not.
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Store } from "../../../store/store.ts";
import { onEachStore } from "../testing/databases.ts";
import { parseFilter } from "./filter.ts";
import { usersSought } from "./sought.ts";
import { openDirectory, type TestDirectory } from "./testing/directory.ts";

let at: TestDirectory;

function resourcesIn(body: Record<string, unknown>): readonly string[] {
  return Array.isArray(body.Resources) ? body.Resources.map((one) => String(Reflect.get(Object(one), "id"))) : [];
}

onEachStore((openStore) => {
  beforeAll(async () => {
    at = await openDirectory(await openStore());
  });

  afterAll(() => at.close());

  describe("lists", () => {
    test.each([
      ["Users", 'userName eq "LOOKED.up@acme.example"'],
      ["Users", 'externalId eq "ext-1"'],
      ["Users", 'emails.value eq "looked.up@acme.example"'],
      ["Users", 'emails[value eq "looked.up@acme.example"] and active eq true'],
      ["Users", 'emails eq "Looked.Up@acme.example"'],
      ["Users", 'displayName eq "looked UP"'],
      ["Users", 'name.formatted eq "Looked Up"'],
      ["Users", 'externalId eq "ext-1" and userName eq "looked.up@acme.example"'],
      ["Groups", 'displayName eq "Looked Up"'],
      ["Groups", 'externalId eq "ext-1"'],
      ["Groups", 'members.value eq "bob"'],
      ["Groups", 'members[value eq "bob"]'],
      ["Groups", 'members eq "bob"'],
    ])("of %s where %s read what the index names, and nothing else", async (sort, filter) => {
      const found = async () => {
        const { body } = await at.scim("GET", `/${sort}?filter=${encodeURIComponent(filter)}`);
        return [body.totalResults, body.Resources];
      };
      const made = await at.scim("POST", `/${sort}`, {
        userName: "looked.up@acme.example",
        displayName: "Looked Up",
        externalId: "ext-1",
        emails: [{ value: "looked.up@acme.example" }],
        members: [{ value: "bob" }],
      });
      const counted = jest.spyOn(at.world.store, "list");
      expect(await found()).toMatchObject([1, [{ id: made.body.id }]]);
      expect(counted.mock.calls.filter(([{ ids }]) => ids === undefined)).toEqual([]);
      counted.mockRestore();
      await at.scim("DELETE", `/${sort}/${String(made.body.id)}`);
      expect(await found()).toEqual([0, []]);
    });

    test("of a group's members follow who comes and goes", async () => {
      const found = async () => {
        const { body } = await at.scim("GET", `/Groups?filter=${encodeURIComponent('members.value eq "alice"')}`);
        return resourcesIn(body);
      };
      await at.scim("POST", "/Groups", { displayName: "Comers" });
      expect(await found()).toEqual([]);
      await at.patch("/Groups/comers", { op: "add", path: "members", value: [{ value: "alice" }] });
      expect(await found()).toEqual(["comers"]);
      await at.patch("/Groups/comers", { op: "remove", path: 'members[value eq "alice"]' });
      expect(await found()).toEqual([]);
    });

    test.each([
      ["Users", "active eq true"],
      ["Users", 'userName eq ""'],
      ["Groups", 'members.display eq "Bob"'],
    ])(
      "of %s where %s, which no index tells, are those of a small org alone (RFC 7644, table 9)",
      async (sort, filter) => {
        const path = `/${sort}?filter=${encodeURIComponent(filter)}`;
        expect((await at.scim("GET", path)).status).toBe(200);
        const counted = jest.spyOn(at.world.store, "ids").mockResolvedValue({ ids: [], total: 1_001 });
        const read = jest.spyOn(at.world.store, "list");
        try {
          const { status, body } = await at.scim("GET", path);
          expect([status, body.scimType]).toEqual([400, "tooMany"]);
          expect(body.detail).toContain("userName");
          expect(read.mock.calls.filter(([{ kind }]) => /User|Group/.test(kind))).toEqual([]);
        } finally {
          counted.mockRestore();
          read.mockRestore();
        }
      },
    );

    test("of one value that more have than are looked at are refused, too", async () => {
      const store: Store = Object.create(at.world.store);
      jest.spyOn(store, "transact").mockResolvedValue(Array.from({ length: 1_001 }, String));
      const filter = parseFilter('displayName eq "John Smith"');
      const sought = usersSought({ store, isFilled: async () => true }, "acme", filter);
      await expect(sought).rejects.toMatchObject({ status: 400, word: "tooMany" });
    });

    test("come in pages that count from 1 (section 3.4.2.4), each read by itself", async () => {
      for (let nth = 0; nth < 5; nth += 1) await at.makeUser(`page-${nth}@acme.example`);
      const all = (await at.scim("GET", "/Users?count=1000")).body;
      const everyone = resourcesIn(all);
      expect(all.totalResults).toBe(everyone.length);
      const counted = jest.spyOn(at.world.store, "list");
      const paged: string[] = [];
      for (let startIndex = 1; startIndex <= everyone.length; startIndex += 2) {
        const { body } = await at.scim("GET", `/Users?startIndex=${startIndex}&count=2`);
        const ids = resourcesIn(body);
        expect(body).toMatchObject({ totalResults: everyone.length, startIndex, itemsPerPage: ids.length });
        paged.push(...ids);
      }
      expect(paged).toEqual(everyone);
      const users = counted.mock.calls.filter(([{ kind }]) => kind === "iam.v1.User");
      expect(users.map(([{ ids }]) => ids?.length ?? Number.POSITIVE_INFINITY).filter((read) => read > 2)).toEqual([]);
      counted.mockRestore();
      expect((await at.scim("GET", "/Users?count=0")).body).toMatchObject({
        Resources: [],
        totalResults: everyone.length,
      });
      const beyond = await at.scim("GET", `/Users?startIndex=${everyone.length + 1}`);
      expect(beyond.body).toMatchObject({ Resources: [], totalResults: everyone.length });
    });

    test("of one value in pages, too", async () => {
      for (const nth of [1, 2, 3]) await at.makeUser(`alike-${nth}@acme.example`, { externalId: "alike" });
      const filter = encodeURIComponent('externalId eq "alike"');
      const { body } = await at.scim("GET", `/Users?filter=${filter}&startIndex=2&count=1`);
      expect([body.totalResults, resourcesIn(body)]).toEqual([3, ["alike-2"]]);
    });

    test("are not begun for who may not list: nothing is read that could tell by its time who is there", async () => {
      const filters = ["", 'userName eq "boss@acme.example"', 'externalId eq "x"'];
      const reads = (["list", "ids", "holder"] as const).map((name) => jest.spyOn(at.world.store, name));
      for (const filter of filters)
        await at.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`, undefined, { who: "user:acme/alice" });
      const about = reads.flatMap(({ mock }) => mock.calls.map(([asked]) => JSON.stringify(asked)));
      expect(about.filter((one) => /iam\.v1\.User"|user-names/.test(one))).toEqual([]);
      for (const spy of reads) spy.mockRestore();
    });

    test.each(['userName co "a"', "userName eq", '(userName eq "a")', 'userName eq "a" or id eq "b"'])(
      "refuse the filter %s",
      async (filter) => {
        const { status, body } = await at.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
        expect([status, body.scimType]).toEqual([400, "invalidFilter"]);
      },
    );
  });
});
