import { type MessageInitShape, create as message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { ListWidgetsResponseSchema, Shape } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import fc from "fast-check";
import { acme, as, type Fixture, faultOf, kindOf, openFixture, outcome, rival } from "./testing/fixture.ts";

let cloud: Fixture;
const ids: string[] = [];
beforeAll(async () => {
  cloud = await openFixture();
  for (let i = 0; i < 25; i++) {
    const { id } = await cloud.create({
      name: `w${i}`,
      color: i % 2 === 0 ? "red" : "blue",
      labels: { env: i < 5 ? "prod" : "test", "a b": "c" },
      enabled: i === 3,
      shape: i === 4 ? Shape.SQUARE : Shape.ROUND,
      big: i === 6 ? 9007199254740993n : 1n,
      tags: [`t${i}`],
      note: `say "${i}"`,
      ...(i > 0 && { leansOnId: ids[0] ?? "", parts: [{ name: "p", fromId: ids[0] ?? "" }] }),
      size: { width: i + 1 },
    });
    ids.push(id);
  }
  await cloud.create({ ...rival, name: "theirs" });
});
afterAll(() => cloud.close());

const page = async (init: Record<string, unknown>) =>
  as(ListWidgetsResponseSchema, await cloud.call("list", { ...acme, ...init }));

async function walk(pageSize: number, filter = ""): Promise<string[]> {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const { widgets, nextPageToken } = await page({ pageSize, pageToken, filter });
    found.push(...widgets.map((widget) => widget.id));
    if (nextPageToken === "") return found;
    pageToken = nextPageToken;
  }
}

describe("list", () => {
  test("walks every page size to the same end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (size) => expect(await walk(size)).toEqual(ids)),
      { numRuns: 15 },
    );
  });

  test("walks filtered pages too", async () => {
    const red = ids.filter((_, i) => i % 2 === 0);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 15 }), async (size) =>
        expect(await walk(size, 'color = "red"')).toEqual(red),
      ),
      { numRuns: 10 },
    );
  });

  test("has no page after one that is exactly full", async () =>
    expect((await page({ pageSize: 25 })).nextPageToken).toBe(""));

  const filters: [string, number[]][] = [
    ['name = "w7"', [7]],
    ['name="w7" AND color = "red"', []],
    ['labels.env = "prod" and color = "blue"', [1, 3]],
    ['labels["a b"] = "c" AND name = "w2"', [2]],
    ["enabled = true", [3]],
    ['shape = "square"', [4]],
    ['shape = "SHAPE_SQUARE"', [4]],
    ['big = "9007199254740993"', [6]],
    ["size.width = 3", [2]],
    ['tags = "t9"', [9]],
    ['note = "say \\"8\\""', [8]],
    ['status.state = "ready" AND name = "w1"', [1]],
  ];
  test.each(filters)("filters by %s", async (filter, expected) => {
    expect((await page({ filter })).widgets.map((widget) => ids.indexOf(widget.id))).toEqual(expected);
  });

  test("filters by references inside lists", async () => {
    expect(await walk(100, `parts.from_id = "${ids[0]}"`)).toEqual(ids.slice(1));
  });

  const bad: [string, string][] = [
    ["colour = 1", 'at position 1 of "colour = 1": there is no field "colour"; there are id, org_id'],
    ["color =", 'at position 8 of "color =": a value in double quotes is expected here'],
    ['color : "red"', 'at position 7 of "color : \\"red\\"": "=" is expected here'],
    ['color = "red" OR name = "x"', "AND or the end is expected here"],
    ['shape = "oval"', '"oval" is none of'],
    ["enabled = 1", "true or false is expected here"],
    ["count = many", "a number is expected here"],
    ['due = "x"', "due can't be compared"],
    ['passphrase = "x"', 'there is no field "passphrase"'],
    ['name.x = "x"', "leads into a value that has no fields"],
  ];
  test.each(bad)("refuses the filter %s", async (filter, expected) => {
    const fault = await faultOf(page({ filter }));
    expect(fault.reason).toBe("BAD_FILTER");
    expect(fault.message).toContain(expected);
  });

  test("never fails otherwise, whatever the filter", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (filter) => {
        const result = await outcome(page({ filter }));
        expect(result).toMatch(/^(BAD_FILTER filter:filter|photoncloud.test.v1.ListWidgetsResponse)$/);
      }),
      { numRuns: 200 },
    );
  });

  test("refuses tokens from elsewhere", async () => {
    const { nextPageToken: pageToken } = await page({ pageSize: 2 });
    const elsewhere = [
      { ...rival, pageToken },
      { pageToken, filter: 'color = "red"' },
      { pageToken: `${pageToken}x` },
      { pageToken: "nonsense" },
      { pageToken: "e30.e30" },
    ];
    for (const init of elsewhere) expect(await outcome(page(init))).toBe("BAD_PAGE_TOKEN page_token:format");
    expect(await outcome(cloud.call("list", { orgId: "acme", pageToken }, {}, "project"))).toBe(
      "BAD_PAGE_TOKEN page_token:format",
    );
  });

  test("limits the page size", async () => {
    expect(await outcome(page({ pageSize: 1001 }))).toBe("INVALID_FIELDS page_size:range");
    expect(await outcome(page({ pageSize: -1 }))).toBe("INVALID_FIELDS page_size:range");
  });

  test("wants a tenant", async () =>
    expect(await outcome(page({ orgId: "", projectId: "" }))).toBe(
      "INVALID_FIELDS org_id:required project_id:required",
    ));
  test("shows a tenant its own alone", async () =>
    expect((await page(rival)).widgets.map((widget) => widget.name)).toEqual(["theirs"]));
});

describe("get and batchGet", () => {
  test("answer a foreign id as a missing one, byte for byte", async () => {
    const id = ids[0] ?? "";
    const [foreign, missing] = [await faultOf(cloud.get(id, rival)), await faultOf(cloud.get("widget-0", rival))];
    expect({ ...foreign, message: foreign.message.replace(id, "widget-0") }).toEqual({
      ...missing,
      message: missing.message,
    });
    expect(as(ListWidgetsResponseSchema, await cloud.call("batchGet", { ...rival, ids })).widgets).toEqual([]);
  });

  test("batchGet leaves out what is missing and keeps the order", async () => {
    const wanted = [ids[4] ?? "", "widget-0", ids[1] ?? "", ids[4] ?? ""];
    const answer = as(ListWidgetsResponseSchema, await cloud.call("batchGet", { ...acme, ids: wanted }));
    expect(answer.widgets.map((widget) => widget.id)).toEqual([ids[4], ids[1]]);
    expect(
      await outcome(cloud.call("batchGet", { ...acme, ids: Array.from({ length: 1001 }, (_, i) => `${i}`) })),
    ).toBe("INVALID_FIELDS ids:size");
  });

  test("want an id", async () => expect(await outcome(cloud.get(""))).toBe("INVALID_FIELDS id:required"));
});

describe("kinds of any scope", () => {
  const make = (init: MessageInitShape<typeof RoleSchema>) =>
    cloud.unary("role", "create", message(RoleSchema, { permissions: [{ action: "a:b:c" }], ...init }));
  const names = async (tenant: object) => {
    const answer = await cloud.call("list", { ...tenant }, {}, "role");
    const roles: unknown = Reflect.get(answer, "roles");
    return (roles as Role[]).map((role) => role.id);
  };

  test("are seen from below and not from beside or above", async () => {
    await make({ id: "top" });
    await make({ id: "of-acme", orgId: "acme" });
    await make({ id: "of-alpha", ...acme });
    await make({ id: "of-rival", orgId: "rival" });
    expect(await names(acme)).toEqual(["of-acme", "of-alpha", "top"]);
    expect(await names({ orgId: "acme" })).toEqual(["of-acme", "top"]);
    expect(await names({})).toEqual(["top"]);
    expect(await names(rival)).toEqual(["of-rival", "top"]);
    expect(as(RoleSchema, await cloud.call("get", { ...acme, id: "top" }, {}, "role")).orgId).toBe("");
    expect(await outcome(cloud.call("get", { ...rival, id: "of-acme" }, {}, "role"))).toBe("NOT_FOUND");
    // What is inherited is read, not changed.
    expect(await outcome(cloud.call("delete", { ...acme, id: "top" }, {}, "role"))).toBe("NOT_FOUND");
    expect(await outcome(cloud.call("list", { projectId: "alpha" }, {}, "role"))).toBe(
      "INVALID_FIELDS org_id:required",
    );
  });

  test("have a noun", () => expect(kindOf("role").plural).toBe("roles"));
});
