// Calls that are made at the same time, against a server that answers batches as it is told.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { HttpRequest } from "@photoncloud/sdk/calls";
import { PlainHttp } from "./http.ts";
import { Together } from "./together.ts";

interface Seen {
  readonly url: string | undefined;
  readonly who: string | undefined;
  readonly body: { readonly calls?: readonly { path: string; headers: object; body: object }[] };
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

let server: Server;
let http: Together;
let seen: Seen[];
/** What is asked beside it is kept open. */
let answer: (one: Seen) => void;
let arrived: () => void;

beforeEach(async () => {
  seen = [];
  answer = () => undefined;
  arrived = () => undefined;
  server = createServer((request, response) => void see(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  http = new Together(new PlainHttp({ endpoint: `http://127.0.0.1:${port}`, ca: undefined, userAgent: "test/1" }));
});

async function see(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = (await json(request)) as Seen["body"];
  const one = { url: request.url, who: request.headers.authorization, body, request, response };
  seen.push(one);
  answer(one);
  arrived();
}

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const call = (name: string, more: Partial<HttpRequest> = {}) =>
  http.request({
    method: "POST",
    url: `/a.v1.AService/${name}`,
    data: JSON.stringify({ name }),
    headers: { Authorization: "Bearer a", "Content-Type": "application/json", "Idempotency-Key": `key of ${name}` },
    signal: new AbortController().signal,
    ...more,
  });

/** Resolves when so many requests have come. */
async function requests(count: number): Promise<readonly Seen[]> {
  while (seen.length < count)
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  return seen;
}

const line = (index: number, status: number, body: object, headers: object = {}) =>
  `${JSON.stringify({ index, status, headers, body })}\n`;

const alone = ({ body, response }: Seen): void => void response.end(JSON.stringify({ ...body, alone: true }));
const refusing =
  (status: number) =>
  (one: Seen): void =>
    one.url === "/batch" ? void one.response.writeHead(status).end("{}") : alone(one);

test("request() sends what is asked at the same time as one, and answers each when its line has come", async () => {
  const [slow, quick, refused] = [call("slow"), call("quick"), call("refused")];
  const [one] = await requests(1);
  expect(one).toMatchObject({ url: "/batch", who: "Bearer a" });
  expect(one?.body.calls?.[1]).toEqual({
    path: "/a.v1.AService/quick",
    headers: { "Idempotency-Key": "key of quick" },
    body: { name: "quick" },
  });
  const failure = line(2, 429, { code: "resource_exhausted" }, { "retry-after": "3" });
  // A line may come in parts.
  one?.response.write(line(1, 200, { id: "q" }, { "photon-receipt": "settled" }) + failure.slice(0, 20));
  expect(await quick).toEqual({ data: { id: "q" }, headers: { "photon-receipt": "settled" } });
  one?.response.write(failure.slice(20));
  await expect(refused).rejects.toMatchObject({
    isAxiosError: true,
    response: { status: 429, headers: { "retry-after": "3" }, data: { code: "resource_exhausted" } },
  });
  one?.response.end(line(0, 200, { id: "s" }));
  expect(await slow).toMatchObject({ data: { id: "s" } });
  expect(seen).toHaveLength(1);
});

test("request() sends one that is asked by itself, or without a token, as it is", async () => {
  answer = alone;
  expect(await call("a")).toMatchObject({ data: { name: "a", alone: true } });
  await Promise.all([call("b", { headers: {} }), call("c", { headers: {} })]);
  expect(seen.map(({ url }) => url).sort()).toEqual(["a", "b", "c"].map((name) => `/a.v1.AService/${name}`));
});

test("request() puts no calls of two callers together, and no more than the cloud takes", async () => {
  answer = ({ body, response }) => void response.end(body.calls?.map((_, index) => line(index, 200, {})).join(""));
  const other = { headers: { Authorization: "Bearer b" } };
  await Promise.all([...Array.from({ length: 150 }, (_, i) => call(`a${i}`)), call("b0", other), call("b1", other)]);
  expect(seen.map(({ who, body }) => [who, body.calls?.length]).sort()).toEqual([
    ["Bearer a", 100],
    ["Bearer a", 50],
    ["Bearer b", 2],
  ]);
});

test("request() sends what is large in parts", async () => {
  answer = ({ url, body, response }) =>
    void response.end(url === "/batch" ? body.calls?.map((_, index) => line(index, 200, {})).join("") : "{}");
  const large = { data: JSON.stringify({ name: "x".repeat(700_000) }) };
  await Promise.all([call("a", large), call("b", large), call("c")]);
  expect(seen.map(({ url }) => url).sort()).toEqual(["/a.v1.AService/a", "/batch"]);
});

test("request() fails for those alone whose answer did not come before the connection broke", async () => {
  const asked = [call("a"), call("b")];
  const [one] = await requests(1);
  one?.response.write(line(0, 200, { id: "a" }));
  expect(await asked[0]).toMatchObject({ data: { id: "a" } });
  one?.response.destroy();
  await expect(asked[1]).rejects.toMatchObject({ isAxiosError: true });
});

test("request() fails for one that is left out of the answer", async () => {
  answer = ({ response }) => void response.end(line(0, 200, {}));
  const [first, second] = [call("a"), call("b")];
  await expect(second).rejects.toMatchObject({ isAxiosError: true });
  await first;
});

test.each([404, 403, 405])(
  "request() asks one by one from then on where a batch is refused with %s",
  async (status) => {
    answer = refusing(status);
    const asked = () => Promise.all([call("a"), call("b")]);
    expect(await asked()).toMatchObject([{ data: { alone: true } }, { data: { alone: true } }]);
    await asked();
    expect(seen.filter(({ url }) => url === "/batch")).toHaveLength(1);
  },
);

test.each([401, 429, 503])("request() fails for each where a batch is answered with %s", async (status) => {
  answer = refusing(status);
  const told = await Promise.allSettled([call("a"), call("b")]);
  for (const one of told) expect(one).toMatchObject({ status: "rejected", reason: { response: { status } } });
  expect(seen).toHaveLength(1);
});

test("request() ends for one that is given up, and the batch with the last", async () => {
  const stops = [new AbortController(), new AbortController()];
  const asked = stops.map(({ signal }, i) => call(`c${i}`, { signal }));
  const [one] = await requests(1);
  const closed = new Promise((resolve) => one?.response.once("close", resolve));
  for (const [i, stop] of stops.entries()) {
    stop.abort();
    await expect(asked[i]).rejects.toMatchObject({ isAxiosError: true });
  }
  await closed;
});

test("request() sends nothing of one that is given up before", async () => {
  answer = alone;
  const stop = new AbortController();
  const asked = [call("a", { signal: stop.signal }), call("b")];
  stop.abort();
  await expect(asked[0]).rejects.toMatchObject({ isAxiosError: true });
  await asked[1];
  expect(seen.map(({ url }) => url)).toEqual(["/a.v1.AService/b"]);
});
