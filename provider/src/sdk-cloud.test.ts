// Calls that go together, where the cloud ends their token or breaks off in the middle: each is answered, and done once.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { errorReply, tokenReply } from "@photoncloud/sdk/testing";
import { KindCalls, type Terms } from "./cloud.ts";
import { Deadline } from "./deadline.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";
import { settled } from "./operation.ts";
import { SdkCloud } from "./sdk-cloud.ts";
import { widget } from "./testing/widget.ts";

/** One call as the cloud sees it, wherever it stood. */
interface Seen {
  readonly token: string;
  readonly key: unknown;
  readonly name: unknown;
}

let server: Server;
let calls: KindCalls;
let logins: number;
let seen: Seen[];
/** What a call is answered; undefined: the whole request is refused for its token. */
let answer: (one: Seen) => readonly [status: number, body: JsonObject] | undefined;

const ok = ({ name }: Seen): [number, JsonObject] => [200, { name: String(name) }];
const [, ended] = errorReply("unauthenticated", "the token has ended", { reason: "UNAUTHENTICATED" });

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function batch(response: ServerResponse, token: string, asked: readonly unknown[]): void {
  const lines = asked.map((one, index) => {
    const { headers, body } = isJsonObject(one) ? one : {};
    const key = isJsonObject(headers) ? headers["Idempotency-Key"] : undefined;
    const call = { token, key, name: isJsonObject(body) ? body.name : undefined };
    seen.push(call);
    const [status, told] = answer(call) ?? [];
    return status === undefined ? undefined : `${JSON.stringify({ index, status, headers: {}, body: told })}\n`;
  });
  if (lines.includes(undefined)) respond(response, 401, ended);
  else response.end(lines.join(""));
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: unknown = await json(request);
  if (request.url?.endsWith("/IssueToken")) {
    logins += 1;
    return respond(response, 200, tokenReply(`t${logins}`)[1]);
  }
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  if (isJsonObject(body) && Array.isArray(body.calls)) return batch(response, token, body.calls);
  // One that came by itself.
  const call = { token, key: request.headers["idempotency-key"], name: isJsonObject(body) ? body.name : undefined };
  seen.push(call);
  const [status, told] = answer(call) ?? [401, ended];
  return respond(response, status, told);
}

beforeEach(async () => {
  [logins, seen, answer] = [0, [], ok];
  server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const endpoint = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const credentials = { principalId: "deployer", keySecret: "pck_secret" };
  calls = new KindCalls(new SdkCloud({ endpoint, credentials, org: "acme", ca: undefined, userAgent: "" }), widget);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const names = ["a", "b", "c", "d", "e"];
const terms = (idempotencyKey: string): Terms => ({
  signal: new AbortController().signal,
  timeoutMs: 60_000,
  idempotencyKey,
});
const created = async () => {
  const made = await Promise.all(names.map((name) => calls.create({ name }, terms(`key of ${name}`))));
  return made.map(({ name }) => name);
};
const seenAs = (token: string) =>
  seen
    .filter((one) => one.token === token)
    .map(({ name, key }) => `${name}, ${key}`)
    .sort();
const withKey = (name: string) => `${name}, key of ${name}`;

test("calls whose token ends in the middle of their batch are made again under one new token, and the others are not", async () => {
  answer = (one) => (one.token === "t1" && one.name !== "b" ? [401, ended] : ok(one));
  expect(await created()).toEqual(names);
  expect(logins).toBe(2);
  expect(seenAs("t1")).toEqual(names.map(withKey));
  expect(seenAs("t2")).toEqual(names.filter((name) => name !== "b").map(withKey));
});

test("a batch that is refused for its token is made again as a batch, under one new token", async () => {
  answer = (one) => (one.token === "t1" ? undefined : ok(one));
  expect(await created()).toEqual(names);
  expect(logins).toBe(2);
  expect(seenAs("t2")).toEqual(names.map(withKey));
});

test("a call that is refused is no matter of those beside it", async () => {
  const [, taken] = errorReply("already_exists", "it is taken", { reason: "ALREADY_EXISTS" });
  answer = (one) => (one.name === "c" ? [409, taken] : ok(one));
  const told = await Promise.allSettled(names.map((name) => calls.create({ name }, terms(`key of ${name}`))));
  expect(told.map(({ status }) => status)).toEqual(names.map((name) => (name === "c" ? "rejected" : "fulfilled")));
  expect(told[2]).toMatchObject({ reason: { code: "already_exists", reason: "ALREADY_EXISTS" } });
  expect(seen).toHaveLength(names.length);
});

test("who waits for a resource by a read that is held back goes on through a restart of the cloud", async () => {
  let connections = 0;
  // The first read is held when the cloud goes; then nobody answers for some attempts; then it is ready.
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    if (request.url?.endsWith("/IssueToken")) return respond(response, 200, tokenReply("t1")[1]);
    connections += 1;
    if (connections < 4) return void request.socket.destroy();
    return respond(response, 200, { id: "w-1", status: { state: "STATE_READY" } });
  });
  const first = { id: "w-1", status: { state: "STATE_CREATING" } };
  const deadline = new Deadline(60_000, new AbortController().signal);
  const at = { org: "acme", project: "web", id: "w-1" };
  const made = await settled(calls, at, first, "widget w-1", deadline, () => undefined);
  expect([made.pending, made.diagnostics, connections]).toEqual([false, [], 4]);
});
