import { create as message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { standardVerbs } from "@photoncloud/proto";
import { WatchRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { callOf, type Fixture, faultOf, kindOf, openFixture, outcome, rival } from "./testing/fixture.ts";

// What rival's people get when they know an id of acme's: the same as for an id that never was, and never a word of the resource.
let cloud: Fixture;
let id: string;
let before: unknown;
beforeAll(async () => {
  cloud = await openFixture();
  ({ id } = await cloud.create({ name: "precious", note: "precious" }));
  before = await cloud.get(id);
});
afterAll(async () => {
  expect(await cloud.get(id)).toEqual(before);
  await cloud.close();
});

const requests = (of: string): Record<Exclude<(typeof standardVerbs)[number], "watch">, Record<string, unknown>> => ({
  create: { ...rival, name: `n${of.length}`, color: "red", leansOnId: of },
  get: { ...rival, id: of },
  batchGet: { ...rival, ids: [of] },
  list: { ...rival, filter: `id = "${of}"` },
  update: { ...rival, id: of, widget: message(kindOf("widget").desc, { color: "blue" }) },
  delete: { ...rival, id: of },
  plan: { ...rival, id: of, widget: message(kindOf("widget").desc, { color: "blue" }) },
});

/** What is answered, in words, with the id and the log's position taken out. */
async function answer(verb: Exclude<(typeof standardVerbs)[number], "watch">, of: string): Promise<string> {
  const call = () => cloud.call(verb, requests(of)[verb] ?? {});
  const type = await outcome(call());
  if (type.startsWith("photoncloud.")) return JSON.stringify({ ...(await call()), cursor: "" });
  const { message: text, details } = await faultOf(call());
  return `${type} ${text} ${JSON.stringify(details)}`.replaceAll(of, "ID");
}

describe("a foreign id is as good as none", () => {
  const verbs = standardVerbs.filter((verb) => verb !== "watch");
  test.each(verbs)("%s", async (verb) => {
    const foreign = await answer(verb, id);
    expect(foreign).toBe(await answer(verb, "widget-01h00000000000000000000000"));
    expect(foreign).not.toContain("precious");
  });

  test("watch", async () => {
    const leaving = new AbortController();
    const request = message(WatchRequestSchema, { ...rival, id });
    const stream = cloud.resources.watch(kindOf("widget"), request, callOf({ signal: leaving.signal }));
    for await (const change of stream) {
      expect(Reflect.get(change, "widget")).toBeUndefined();
      leaving.abort();
    }
  });
});
