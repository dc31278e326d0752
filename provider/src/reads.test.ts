import { beforeEach, describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { KindCalls } from "./cloud.ts";
import { textOf } from "./json-object.ts";
import { Reads } from "./reads.ts";
import { FakeCloud, FakeError } from "./testing/cloud.ts";

const kind = testCatalog().byNoun("widget");
if (kind === undefined) throw new Error("the test kind is missing");
const tenant = { org: "acme", project: "web" };
const terms = { signal: new AbortController().signal, timeoutMs: 60_000 };

let cloud: FakeCloud;
let calls: KindCalls;
let reads: Reads;

beforeEach(() => {
  cloud = new FakeCloud(kind, (resource) => resource);
  calls = new KindCalls(cloud, kind);
  reads = new Reads();
});

/** Makes widgets and forgets how; answers their ids. */
async function made(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `w-${i}`);
  const request = (name: string) => ({ orgId: "acme", projectId: "web", name });
  for (const name of names) await calls.create(request(name), { ...terms, idempotencyKey: name });
  cloud.calls.length = 0;
  return [...cloud.resources.keys()];
}

const read = (id: string) => reads.read(calls, { ...tenant, id }, terms);
const readAll = async (ids: readonly string[]) =>
  (await Promise.all(ids.map(read))).map((found) => textOf(found, "id"));
const verbs = () => cloud.calls.map((call) => call.verb);

describe("Reads", () => {
  test("asks for one resource alone", async () => {
    const [id = ""] = await made(3);
    expect(await readAll([id])).toEqual([id]);
    expect(verbs()).toEqual(["get"]);
  });

  test("lists a kind page by page, once, and asks for no resource of them", async () => {
    cloud.mostOnPage = 100;
    const ids = await made(300);
    for (let at = 0; at < ids.length; at += 10) {
      const ten = ids.slice(at, at + 10);
      expect(await readAll(ten)).toEqual(ten);
    }
    expect(verbs()).toEqual(["list", "list", "list"]);
  });

  test("walks no further through a large tenant than a page for every ten reads", async () => {
    cloud.mostOnPage = 10;
    const last = (await made(500)).slice(-3);
    expect(await readAll(last)).toEqual(last);
    expect(verbs()).toEqual(["list", "list", "batchGet"]);
  });

  test("asks again for what it has read once, and for what the pages lack", async () => {
    const [a = "", b = ""] = await made(2);
    await readAll([a, b]);
    cloud.change(a, { color: "blue" });
    cloud.resources.delete(b);
    expect((await read(a))?.color).toBe("blue");
    expect(await read(b)).toBeUndefined();
  });

  test("answers nothing from before a change", async () => {
    const [a = "", b = "", c = ""] = await made(3);
    await readAll([a, b]);
    reads.changing();
    cloud.change(c, { color: "blue" });
    expect((await read(c))?.color).toBe("blue");
    expect(verbs()).toEqual(["list", "get"]);
  });

  test("asks for each by itself where listing is not allowed", async () => {
    const ids = await made(3);
    cloud.before = (verb) => {
      if (verb === "list") throw new FakeError("permission_denied", "PERMISSION_DENIED", "no");
    };
    expect(await readAll(ids)).toEqual(ids);
    expect(verbs()).toEqual(["list", "batchGet"]);
  });

  test("takes no resource of another tenant for one with the same id", async () => {
    const [a = "", b = ""] = await made(2);
    cloud.change(a, { projectId: "other", color: "red" });
    await readAll([a, b]);
    expect(verbs()).toEqual(["list", "get"]);
  });
});
