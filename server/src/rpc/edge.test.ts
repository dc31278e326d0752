// The edge over stand-ins: what a caller sees, in every protocol.

import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ErrorInfoSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { VpcService } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { errorInfo, postJson, type StandIns, startStandIns } from "./testing/stand-ins.ts";

let cloud: StandIns;
beforeAll(async () => {
  cloud = await startStandIns();
});
afterAll(() => cloud.close());

const alice = { authorization: "Bearer acme/alice" };
const vpc = { org_id: "acme", project_id: "alpha", name: "main", cidr: "10.0.0.0/16" };
const get = "prismnet.v1.VpcService/GetVpc";
const create = "prismnet.v1.VpcService/CreateVpc";

describe("a call in JSON", () => {
  test("takes field names of both spellings and answers with the request id", async () => {
    const { orgId, ...answer } = { orgId: "acme" };
    expect(answer).toEqual({});
    for (const body of [vpc, { ...vpc, org_id: undefined, orgId }]) {
      const done = await postJson(cloud.url, create, body, { ...alice, "x-request-id": "mine-1" });
      expect(done.status).toBe(200);
      expect(done.body).toMatchObject({ orgId: "acme", projectId: "alpha", cidr: "10.0.0.0/16" });
      expect(done.headers.get("x-request-id")).toBe("mine-1");
    }
  });

  test("answers the same under the older package name and for the service that bundles others", async () => {
    const made = await postJson(cloud.url, "novanet.v1.VpcService/CreateVpc", vpc, alice);
    expect(made.status).toBe(200);
    const org = await postJson(cloud.url, "iam.v1.IamAdminService/GetOrg", { id: "other" }, alice);
    expect(errorInfo(org)).toMatchObject({ reason: "PERMISSION_DENIED", permission: "iam:orgs:get" });
  });

  test("passes the terms of the call on", async () => {
    const headers = { ...alice, "idempotency-key": "k-1", "photon-wait-ms": "250" };
    await postJson(cloud.url, create, vpc, headers);
    expect(cloud.calls.at(-1)).toMatchObject({
      idempotencyKey: "k-1",
      waitMs: 250,
      method: create,
      sourceIp: "127.0.0.1",
      principal: { org: "acme", id: "alice" },
    });
  });

  test.each([
    [{}, { wait: "settled", waitMs: 0 }],
    [
      { "photon-wait": "accepted", "photon-wait-ms": "250" },
      { wait: "accepted", waitMs: 0 },
    ],
    [{ "photon-wait": "programmed" }, { wait: "programmed", waitMs: 30_000 }],
    [
      { "photon-wait": "programmed", "photon-wait-ms": "250" },
      { wait: "programmed", waitMs: 250 },
    ],
  ])("with the headers %p waits %p, and is answered how far it came", async (headers, expected) => {
    const answer = await postJson(cloud.url, create, vpc, { ...alice, ...headers });
    expect(cloud.calls.at(-1)).toMatchObject(expected);
    expect(answer.headers.get("photon-receipt")).toBe("accepted");
  });

  test("draws a request id where the caller's would not do", async () => {
    const answer = await postJson(cloud.url, get, {}, { "x-request-id": "a b" });
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

interface Refusal {
  readonly name: string;
  readonly method?: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  readonly message: RegExp;
}

const refusals: readonly Refusal[] = [
  {
    name: "no token",
    body: {},
    headers: { authorization: "" },
    status: 401,
    code: "unauthenticated",
    reason: "UNAUTHENTICATED",
    message: /Authorization: Bearer/,
  },
  {
    name: "a token that is not good",
    body: {},
    headers: { authorization: "Bearer x" },
    status: 401,
    code: "unauthenticated",
    reason: "UNAUTHENTICATED",
    message: /not valid/,
  },
  {
    name: "a foreign org",
    body: { org_id: "other", id: "vpc-1" },
    status: 403,
    code: "permission_denied",
    reason: "PERMISSION_DENIED",
    message: /network:vpcs:get on org\/other/,
  },
  {
    name: "no org",
    body: { id: "vpc-1" },
    status: 403,
    code: "permission_denied",
    reason: "PERMISSION_DENIED",
    message: /network:vpcs:get/,
  },
  {
    name: "an unknown field",
    body: { ...vpc, cdir: "10.0.0.0/16" },
    method: create,
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /"cdir", which prismnet.v1.Vpc does not have/,
  },
  {
    name: "a field of the wrong type",
    body: { ...vpc, cidr: 5 },
    method: create,
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /field cidr .*expected string, got 5/,
  },
  {
    name: "a body that is no JSON",
    body: '{"org_id',
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /can't be read/,
  },
  {
    name: "a body that is too large",
    body: { name: "x".repeat(5_000_000) },
    method: create,
    status: 429,
    code: "resource_exhausted",
    reason: "REQUEST_TOO_LARGE",
    message: /4194304 bytes/,
  },
  {
    name: "an error of the inside, which stays there",
    body: { ...vpc, name: "explode" },
    method: create,
    status: 500,
    code: "internal",
    reason: "INTERNAL",
    message: /^internal error, request id [\w-]+$/,
  },
  {
    name: "an unknown method",
    body: {},
    method: "prismnet.v1.VpcService/Nope",
    status: 404,
    code: "unimplemented",
    reason: "UNIMPLEMENTED",
    message: /no method or page \/prismnet.v1.VpcService\/Nope/,
  },
  {
    name: "a method that nothing serves",
    body: {},
    method: "iam.v1.IamTokenService/WhoAmI",
    status: 501,
    code: "unimplemented",
    reason: "UNIMPLEMENTED",
    message: /does not serve iam.v1.IamTokenService\/WhoAmI/,
  },
  {
    name: "a content type of another kind",
    body: "x",
    headers: { "content-type": "text/plain" },
    status: 415,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /Content-Type must be/,
  },
  {
    name: "an idempotency key that is too long",
    body: vpc,
    method: create,
    headers: { "idempotency-key": "k".repeat(256) },
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /256 characters/,
  },
  {
    name: "a wait that is no number",
    body: vpc,
    method: create,
    headers: { "photon-wait-ms": "soon" },
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /whole number of milliseconds/,
  },
  {
    name: "a wait for something else",
    body: vpc,
    method: create,
    headers: { "photon-wait": "done" },
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
    message: /accepted, settled, programmed/,
  },
  {
    name: "a deadline that has passed",
    body: { ...vpc, name: "slow" },
    method: create,
    headers: { "connect-timeout-ms": "30" },
    status: 504,
    code: "deadline_exceeded",
    reason: "DEADLINE_EXCEEDED",
    message: /deadline/,
  },
];

describe("a refusal names its reason", () => {
  test.each(refusals)("$name", async ({ method = get, body, headers, status, code, reason, message }) => {
    const answer = await postJson(cloud.url, method, body, { ...alice, ...headers });
    expect(answer.status).toBe(status);
    expect(answer.body.code).toBe(code);
    expect(answer.body.message).toMatch(message);
    expect(errorInfo(answer)).toMatchObject({ reason, requestId: answer.headers.get("x-request-id") });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret/);
  });

  test("a refused call becomes an event in the log of the caller's org, within its budget", async () => {
    const mallory = { authorization: "Bearer mallory-org/mallory" };
    for (let i = 0; i < 30; i += 1) await postJson(cloud.url, get, { org_id: "acme", id: "vpc-1" }, mallory);
    const events = cloud.events.filter((event) => event.caller.principal?.id === "mallory");
    expect(events.length).toBeGreaterThanOrEqual(20);
    expect(events.length).toBeLessThan(30);
    expect(events[0]).toMatchObject({
      type: "denied",
      tenant: { org: "mallory-org", project: "" },
      id: "org/acme/vpc/vpc-1",
      permission: "network:vpcs:get",
      caller: { method: get },
    });
  });
});

const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
};

describe.each(Object.entries(transports))("%s", (_name, transport) => {
  const client = () => createClient(VpcService, transport(cloud.url));

  test("creates and reads", async () => {
    const made = await client().createVpc({ orgId: "acme", projectId: "alpha", name: "main" }, { headers: alice });
    const read = await client().getVpc({ orgId: "acme", projectId: "alpha", id: made.id }, { headers: alice });
    expect(read).toEqual(made);
  });

  test("carries the error's detail", async () => {
    const failure = await client()
      .getVpc({ orgId: "acme", projectId: "alpha", id: "vpc-none" }, { headers: alice })
      .then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
    expect(failure?.code).toBe(Code.NotFound);
    expect(failure?.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "NOT_FOUND" }]);
  });

  test("carries the detail of an error that comes before any service: a body too large", async () => {
    const failure = await client()
      .createVpc({ name: "x".repeat(5_000_000) }, { headers: alice })
      .then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
    expect(failure?.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "REQUEST_TOO_LARGE" }]);
  });
});

describe("an open stream", () => {
  const watch = (cloud: StandIns, token: string) =>
    createClient(VpcService, createGrpcTransport({ baseUrl: cloud.url })).watchVpcs(
      { orgId: "acme", projectId: "alpha", cursor: "c" },
      { headers: { authorization: `Bearer ${token}` } },
    );

  async function endOf(stream: AsyncIterable<unknown>): Promise<ConnectError | undefined> {
    try {
      for await (const _ of stream);
      return undefined;
    } catch (error) {
      return ConnectError.from(error);
    }
  }

  test("passes messages on, and ends when the session is revoked", async () => {
    const stream = watch(cloud, "acme/bob")[Symbol.asyncIterator]();
    expect((await stream.next()).value).toMatchObject({ cursor: "after c" });
    cloud.revoke("acme/bob");
    const end = await endOf({ [Symbol.asyncIterator]: () => stream });
    expect(end?.code).toBe(Code.Unauthenticated);
    expect(end?.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "UNAUTHENTICATED" }]);
    expect((await postJson(cloud.url, get, {}, { authorization: "Bearer acme/bob" })).status).toBe(401);
  });

  test("ends with SHUTTING_DOWN when the server stops", async () => {
    const other = await startStandIns();
    try {
      const stream = watch(other, "acme/alice")[Symbol.asyncIterator]();
      await stream.next();
      other.edge.drain();
      const end = await endOf({ [Symbol.asyncIterator]: () => stream });
      expect(end?.code).toBe(Code.Unavailable);
      expect(end?.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "SHUTTING_DOWN" }]);
    } finally {
      await other.close();
    }
  });
});

test("idle() waits for the calls that are being answered", async () => {
  const other = await startStandIns();
  try {
    const order: string[] = [];
    const headers = { ...alice, "connect-timeout-ms": "100" };
    const call = postJson(other.url, create, { ...vpc, name: "slow" }, headers);
    await other.called;
    const idle = other.edge.idle().then(() => order.push("idle"));
    await Promise.resolve();
    expect(order).toEqual([]);
    expect((await call).status).toBe(504);
    await idle;
  } finally {
    await other.close();
  }
});

describe("pages", () => {
  test.each([
    ["/healthz", 200, "alive"],
    ["/readyz", 200, "ready"],
    ["/.well-known/jwks.json", 200, '{"keys":[]}'],
    ["/metrics", 200, "photon_calls_total"],
    ["/nothing", 404, "no method or page"],
  ])("%s answers %d", async (path, status, text) => {
    const response = await fetch(cloud.url + path);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(text);
  });

  test("/readyz says why the server is not ready", async () => {
    const other = await startStandIns({ notReady: () => Promise.resolve("the store does not answer") });
    try {
      const response = await fetch(`${other.url}/readyz`);
      expect(response.status).toBe(503);
      expect(await response.text()).toBe("not ready: the store does not answer\n");
    } finally {
      await other.close();
    }
  });
});
