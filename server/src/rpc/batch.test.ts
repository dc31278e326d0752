// Many calls in one request, over stand-ins: each is answered as it would be alone.
import { connect } from "node:http2";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mostCalls } from "./batch-request.ts";
import { errorInfo, type JsonAnswer, postJson, type StandIns, startStandIns } from "./testing/stand-ins.ts";

let cloud: StandIns;
beforeAll(async () => {
  cloud = await startStandIns();
});
afterAll(() => cloud.close());

const alice = { authorization: "Bearer acme/alice" };
const create = "/prismnet.v1.VpcService/CreateVpc";
const get = "/prismnet.v1.VpcService/GetVpc";
const vpc = (name: string, org_id = "acme") => ({ org_id, project_id: "alpha", name, cidr: "10.0.0.0/16" });

interface Line extends Omit<JsonAnswer, "headers"> {
  readonly index: number;
  readonly headers: Readonly<Record<string, string>>;
}

const post = (calls: unknown, headers: Readonly<Record<string, string>> = alice, signal?: AbortSignal) =>
  fetch(`${cloud.url}/batch`, {
    method: "POST",
    headers,
    body: JSON.stringify({ calls }),
    ...(signal && { signal }),
  });

/** The answers in the order of their calls. */
async function batch(calls: unknown): Promise<readonly Line[]> {
  const response = await post(calls);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const lines: Line[] = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return lines.sort((a, b) => a.index - b.index);
}

const infoOf = ({ headers, ...line }: Line) => errorInfo({ ...line, headers: new Headers(headers) });

describe("POST /batch", () => {
  test("answers each call with its own status, headers and body", async () => {
    const [made, missing, foreign, malformed, unknown, stream] = await batch([
      {
        path: create,
        headers: { "x-request-id": "mine-1", "Idempotency-Key": "k-1", "photon-wait-ms": "5" },
        body: vpc("a"),
      },
      { path: get, body: { org_id: "acme", project_id: "alpha", id: "vpc-none" } },
      { path: create, body: vpc("b", "other") },
      { path: create, body: { nonsense: 1 } },
      { path: "/prismnet.v1.VpcService/Nothing", body: {} },
      { path: "/prismnet.v1.VpcService/WatchVpcs", body: {} },
    ]);
    expect(made).toMatchObject({ status: 200, body: { orgId: "acme", name: "a" } });
    expect(made?.headers).toEqual({ "x-request-id": "mine-1", "photon-receipt": "accepted" });
    expect(missing).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(foreign && infoOf(foreign)).toMatchObject({
      reason: "PERMISSION_DENIED",
      permission: "network:vpcs:create",
      requestId: foreign?.headers["x-request-id"],
    });
    expect(malformed && infoOf(malformed)).toMatchObject({ reason: "MALFORMED_REQUEST" });
    for (const one of [unknown, stream]) expect(one && infoOf(one)).toMatchObject({ reason: "UNIMPLEMENTED" });
    expect(cloud.calls.find(({ requestId }) => requestId === "mine-1")).toMatchObject({
      idempotencyKey: "k-1",
      waitMs: 5,
      sourceIp: "127.0.0.1",
      principal: { org: "acme", id: "alice" },
    });
    expect(cloud.events).toContainEqual(
      expect.objectContaining({ type: "denied", id: "org/other/project/alpha/vpc", permission: "network:vpcs:create" }),
    );
  });

  test("answers what is ready while another call is still under way, and gives that up with its caller", async () => {
    const before = cloud.calls.length;
    const stop = new AbortController();
    const response = await post(
      [
        { path: create, body: vpc("slow") },
        { path: create, body: vpc("quick") },
      ],
      alice,
      stop.signal,
    );
    const { value } = (await response.body?.getReader().read()) ?? {};
    expect(Buffer.from(value ?? []).toString()).toMatch(/^\{"index":1,"status":200,.*\}\n$/);
    const slow = cloud.calls[before];
    const ended = new Promise((resolve) => slow?.signal.addEventListener("abort", resolve));
    stop.abort();
    await ended;
  });

  test("answers over HTTP/2, too", async () => {
    const session = connect(cloud.url);
    const stream = session.request({ ":method": "POST", ":path": "/batch", ...alice });
    stream.end(
      JSON.stringify({
        calls: [
          { path: create, body: vpc("a") },
          { path: create, body: vpc("b") },
        ],
      }),
    );
    const names = (await text(stream)).match(/"name":"."/g);
    session.close();
    expect(names?.sort()).toEqual(['"name":"a"', '"name":"b"']);
  });

  test.each([
    ["without a token", {}, [], 401, "UNAUTHENTICATED"],
    ["with a token that is not good", { authorization: "Bearer nobody" }, [], 401, "UNAUTHENTICATED"],
    ["of no calls", alice, undefined, 400, "MALFORMED_REQUEST"],
    ["of a call without a body", alice, [{ path: get }], 400, "MALFORMED_REQUEST"],
    [
      "of a call that says who asks",
      alice,
      [{ path: get, headers: { authorization: "x" }, body: {} }],
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "of a header that breaks its line",
      alice,
      [{ path: get, headers: { "idempotency-key": "a\nb" }, body: {} }],
      400,
      "MALFORMED_REQUEST",
    ],
    ["of too many calls", alice, Array(mostCalls + 1).fill({ path: get, body: {} }), 400, "MALFORMED_REQUEST"],
    ["of more than it takes", alice, [{ path: get, body: { id: "x".repeat(5_000_000) } }], 429, "REQUEST_TOO_LARGE"],
  ])("refuses one %s as a whole", async (_, headers, calls, status, reason) => {
    const answer = await postJson(cloud.url, "batch", { calls }, headers);
    expect([answer.status, errorInfo(answer).reason]).toEqual([status, reason]);
  });
});
