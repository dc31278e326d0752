import { describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import type { Cloud } from "../cloud.ts";
import type { Value } from "../cty/value.ts";
import { PluralDataSource } from "../data/plural-data-source.ts";
import type { JsonObject } from "../json-object.ts";
import { Session } from "../session.ts";
import { filterOf, filterProblems, listSchema } from "./filter.ts";
import { type Found, ListResource } from "./list-resource.ts";

const kind = testCatalog().byNoun("widget");
if (kind === undefined) throw new Error("the test kind is missing");
const schema = listSchema(kind);
const config = (given: Record<string, Value>) => new Map(Object.entries(given));

test("listSchema() takes what the cloud's filters compare, and no secret", () => {
  const names = schema.attributes.map(({ name }) => name);
  for (const name of ["name", "labels", "widget_count", "enabled", "shape", "org_id", "filter"])
    expect(names).toContain(name);
  for (const name of ["passphrase", "size", "due", "timeouts", "steps", "status"]) expect(names).not.toContain(name);
  expect(schema.attributes.every((a) => a.optional && !a.required && !a.computed)).toBe(true);
});

describe("filterOf() writes", () => {
  test.each<[string, Record<string, Value>, string]>([
    ["nothing", {}, ""],
    ["a string", { name: 'a "b"' }, 'name = "a \\"b\\""'],
    ["a number under the cloud's own name", { widget_count: 3 }, 'count = "3"'],
    ["what is false", { enabled: false }, 'enabled = "false"'],
    ["an enum's word", { shape: "round" }, 'shape = "round"'],
    ["an entry of a map", { labels: config({ "a.b": "c" }) }, 'labels["a.b"] = "c"'],
    ["several, and the user's own", { color: "red", filter: 'size.width = "1"' }, 'color = "red" AND size.width = "1"'],
  ])("%s", (_name, given, expected) => {
    expect(filterOf(schema, config(given))).toBe(expected);
  });
});

test("filterProblems() finds a word that an enum does not have, at its attribute", () => {
  const problems = filterProblems(schema, config({ shape: "oval", color: "red" }));
  expect(problems.map((p) => p.path)).toEqual([[{ attribute: "shape" }]]);
});

/** A cloud with this many widgets in pages of at most ten, whatever it is asked for. */
class Pages implements Cloud {
  readonly requests: JsonObject[] = [];
  readonly #count: number;
  constructor(count: number) {
    this.#count = count;
  }
  async call(_method: unknown, request: JsonObject): Promise<JsonObject> {
    this.requests.push(request);
    const from = Number(request.pageToken);
    const to = Math.min(this.#count, from + Math.min(10, Number(request.pageSize)));
    const widgets = Array.from({ length: to - from }, (_, i) => ({
      id: `widget-${from + i}`,
      name: `w${from + i}`,
      orgId: "acme",
      projectId: "web",
    }));
    return { widgets, nextPageToken: to === this.#count ? "" : String(to) };
  }
}

async function sessionWith(cloud: Cloud): Promise<Session> {
  const session = new Session({ env: {}, journal: () => Promise.reject(new Error("unused")), connect: () => cloud });
  const configuration = { endpoint: "http://cloud.example", org: "acme", project: "web", credentials: { token: "t" } };
  await session.configure({ ...configuration, ca: undefined, planChecks: true, allowsDataLoss: false }, "1.14.0");
  return session;
}

const lister = async (cloud: Cloud) => new ListResource(kind as NonNullable<typeof kind>, await sessionWith(cloud));

async function collect(cloud: Cloud, limit: number): Promise<Found[]> {
  const found: Found[] = [];
  const all = (await lister(cloud)).list(config({ color: "red" }), limit, new AbortController().signal);
  for await (const one of all) found.push(one);
  return found;
}

describe("ListResource.list()", () => {
  test("goes on to the last page", async () => {
    const cloud = new Pages(25);
    expect((await collect(cloud, 0)).map(({ name }) => name)).toEqual(Array.from({ length: 25 }, (_, i) => `w${i}`));
    expect(cloud.requests.map((r) => r.pageToken)).toEqual(["", "10", "20"]);
    const filter = 'org_id = "acme" AND project_id = "web" AND color = "red"';
    expect(cloud.requests[0]).toMatchObject({ orgId: "acme", projectId: "web", filter });
  });

  test("asks for no more than the limit", async () => {
    const cloud = new Pages(25);
    expect(await collect(cloud, 12)).toHaveLength(12);
    expect(cloud.requests.map((r) => r.pageSize)).toEqual([12, 2]);
  });

  test("asks for a page only when it is wanted", async () => {
    const cloud = new Pages(25);
    for await (const { state } of (await lister(cloud)).list(config({}), 0, new AbortController().signal)) {
      expect([state.get("id"), state.get("timeouts"), state.get("passphrase")]).toEqual(["widget-0", null, null]);
      break;
    }
    expect(cloud.requests).toHaveLength(1);
  });
});

describe("PluralDataSource", () => {
  const source = async (cloud: Cloud) =>
    new PluralDataSource(kind as NonNullable<typeof kind>, await sessionWith(cloud));
  const read = (cloud: Cloud, given: Record<string, Value>) =>
    source(cloud).then((one) => one.read(config(given), new AbortController().signal));
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `widget-${i}`);

  test("finds all, page by page, filtered by the cloud", async () => {
    const cloud = new Pages(25);
    const found = await read(cloud, { color: "red", labels: config({ env: "prod" }) });
    expect(found.get("ids")).toEqual(ids(25));
    expect(found.get("widgets")).toHaveLength(25);
    expect(cloud.requests.map((r) => r.pageToken)).toEqual(["", "10", "20"]);
    const filter = 'labels["env"] = "prod" AND color = "red"';
    expect(cloud.requests[0]).toMatchObject({ orgId: "acme", projectId: "web", filter });
  });

  test("reads no more than its limit", async () => {
    const cloud = new Pages(25);
    expect((await read(cloud, { limit: 12 })).get("ids")).toEqual(ids(12));
    expect(cloud.requests.map((r) => r.pageSize)).toEqual([12, 2]);
  });

  test("finding none is no error, and what was written stays", async () => {
    const found = await read(new Pages(0), { name: "nobody", project_id: null });
    expect([...found]).toEqual(Object.entries({ name: "nobody", project_id: null, ids: [], widgets: [] }));
  });

  test.each<[string, Record<string, Value>, readonly string[]]>([
    ["what it can be", { limit: 1, shape: "round" }, []],
    ["a limit below 1", { limit: 0 }, ["limit"]],
    ["a word that an enum does not have", { shape: "oval" }, ["shape"]],
  ])("validate() takes or refuses %s", async (_name, given, expected) => {
    const paths = (await source(new Pages(0))).validate(config(given)).map((problem) => problem.path);
    expect(paths).toEqual(expected.map((attribute) => [{ attribute }]));
  });
});
