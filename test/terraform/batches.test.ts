// What the provider asks for at the same time, when the way to the cloud breaks in the middle of the answer: each call is done once.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { between, doneBy } from "../../bench/terraform/server-figures.ts";
import { KindCalls, type Terms } from "../../provider/src/cloud.ts";
import { type JsonObject, textOf } from "../../provider/src/json-object.ts";
import { SdkCloud } from "../../provider/src/sdk-cloud.ts";

const at = { org: "acme", project: "main" };
const count = 5;
/** Of the lines of the next batch's answer, how many get through before its connection breaks. */
let through: number | undefined;
let batches = 0;

let cloud: TestCloud;
let way: Server;
let vpcs: KindCalls;

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = "", headers } = request;
  if (url === "/batch") batches += 1;
  const { authorization = "", "idempotency-key": key, "photon-wait-ms": wait } = headers;
  const own = {
    ...(typeof key === "string" && { "idempotency-key": key }),
    ...(typeof wait === "string" && { "photon-wait-ms": wait }),
  };
  const answer = await fetch(`${cloud.url}${url}`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json", ...own },
    body: await text(request),
  });
  const body = await answer.text();
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
  if (url !== "/batch" || through === undefined) return void response.end(body);
  const lines = body.split("\n").slice(0, through);
  through = undefined;
  response.write(lines.map((line) => `${line}\n`).join(""), () => response.destroy());
}

beforeAll(async () => {
  cloud = await startTestCloud();
  const { token } = await cloud.tenant(at.org, at.project);
  way = createServer((request, response) => void forward(request, response));
  await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
  const address = way.address();
  const endpoint = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const kind = catalog().byNoun("vpc");
  if (kind === undefined) throw new Error("there are no VPCs");
  const connection = { endpoint, credentials: { token }, org: at.org, ca: undefined, userAgent: "test/1" };
  vpcs = new KindCalls(new SdkCloud(connection), kind);
});

afterAll(async () => {
  way.closeAllConnections();
  way.close();
  await cloud.stop();
});

const terms = (idempotencyKey: string): Terms => ({
  signal: new AbortController().signal,
  timeoutMs: 60_000,
  waitMs: 30_000,
  ...(idempotencyKey !== "" && { idempotencyKey }),
});

const names = async () =>
  (await vpcs.page(at, { size: 1000, token: "" }, terms(""))).items.map((vpc) => textOf(vpc, "name")).sort();

const wanted = Array.from({ length: count }, (_, i) => `net-${i}`);
const created = (): Promise<readonly JsonObject[]> =>
  Promise.all(
    wanted.map((name, i) =>
      vpcs.create({ orgId: at.org, projectId: at.project, name, cidr: `10.${i}.0.0/16` }, terms(`create ${name}`)),
    ),
  );

test("creates and deletes whose answers are lost are done once each, and each is answered", async () => {
  const before = await doneBy(cloud.url);
  through = 2;
  const made = await created();
  expect(made.map((vpc) => textOf(vpc, "name"))).toEqual(wanted);
  expect(made.map(({ status }) => textOf(status, "state"))).toEqual(wanted.map(() => "STATE_READY"));
  expect(await names()).toEqual(wanted);
  // Those whose answers were lost were asked for again.
  expect(between(before, await doneBy(cloud.url)).calls).toBe(count + (count - 2) + 1);
  const ids = made.map((vpc) => textOf(vpc, "id"));
  expect((await created()).map((vpc) => textOf(vpc, "id"))).toEqual(ids);
  through = 1;
  await Promise.all(ids.map((id) => vpcs.delete({ ...at, id }, "", terms(`delete ${id}`))));
  expect(await names()).toEqual([]);
  expect(batches).toBeGreaterThanOrEqual(3);
});
