// Tokens, retries, deadlines and errors, against answers that nock gives.
import { inspect } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { PhotonCloud, type PhotonCloudOptions, PhotonError, type Receipt } from "./index.ts";
import { errorReply, resourceReply, tokenReply } from "./testing/index.ts";
import type { Timing } from "./timing.ts";

const endpoint = "http://cloud.test";
const getVpc = "/prismnet.v1.VpcService/GetVpc";
const createVpc = "/prismnet.v1.VpcService/CreateVpc";
const login = "/iam.v1.IamTokenService/IssueToken";
const vpc = resourceReply("vpcs", { id: "vpc-1", name: "main", cidr: "10.0.0.0/16" });
const busy = errorReply("unavailable", "shutting down", { reason: "SHUTTING_DOWN" });

/** A clock that stands still but for sleeps, which take no time. */
function fakeTiming(): Timing & { readonly slept: number[]; at: number } {
  const slept: number[] = [];
  const timing = {
    slept,
    at: Date.now(),
    now: () => timing.at,
    sleep: async (ms: number) => {
      slept.push(ms);
      timing.at += ms;
    },
    random: () => 0.5,
  };
  return timing;
}

function cloudWith(options: Partial<PhotonCloudOptions> = {}): PhotonCloud {
  return new PhotonCloud({
    endpoint,
    credentials: { token: "t0" },
    org: "acme",
    project: "alpha",
    timing: fakeTiming(),
    ...options,
  });
}

beforeEach(() => nock.disableNetConnect());
// Jest shares Node's own modules between test files: without this, files that run later would still go through nock.
afterAll(() => nock.restore());
afterEach(() => {
  const left = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(left).toEqual([]);
});

describe("a call", () => {
  test("is a plain POST of JSON with the tenant, the token and a deadline", async () => {
    nock(endpoint, {
      reqheaders: {
        authorization: "Bearer t0",
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "connect-timeout-ms": "30000",
      },
    })
      .post(createVpc, { orgId: "acme", projectId: "alpha", name: "main", cidr: "10.0.0.0/16" })
      .matchHeader("idempotency-key", /^[0-9a-f-]{36}$/)
      .reply(...vpc);
    expect(await cloudWith().vpcs.create({ name: "main", cidr: "10.0.0.0/16" })).toMatchObject({
      id: "vpc-1",
      status: { state: "ready" },
    });
  });

  test("goes to another tenant when it says so", async () => {
    nock(endpoint)
      .post(getVpc, { orgId: "other", projectId: "beta", id: "vpc-1" })
      .reply(...vpc);
    await cloudWith().vpcs.get("vpc-1", { org: "other", project: "beta" });
  });

  test("sends waitMs as a header and adds it to the deadline", async () => {
    nock(endpoint, { reqheaders: { "photon-wait-ms": "5000", "connect-timeout-ms": "6000" } })
      .post(createVpc)
      .reply(...vpc);
    await cloudWith({ timeoutMs: 1000 }).vpcs.create({ name: "main", cidr: "10.0.0.0/16" }, { waitMs: 5000 });
  });

  test("says of an update alone that data may be lost, and only where its caller does", async () => {
    const update = "/prismnet.v1.VpcService/UpdateVpc";
    nock(endpoint, { badheaders: ["photon-allow-data-loss"] })
      .post(update)
      .reply(...vpc);
    nock(endpoint, { reqheaders: { "photon-allow-data-loss": "true" } })
      .post(update)
      .reply(...vpc);
    const { vpcs } = cloudWith();
    const { id } = await vpcs.update("vpc-1", { labels: {} });
    await vpcs.update(id, { labels: {} }, { allowDataLoss: true });
  });

  test("says until when it waits, and hears how far it came", async () => {
    nock(endpoint, { reqheaders: { "photon-wait": "programmed", "connect-timeout-ms": "31000" } })
      .post(createVpc)
      .reply(vpc[0], vpc[1], { "photon-receipt": "settled" });
    const receipts: Receipt[] = [];
    const options = { wait: "programmed", onReceipt: (receipt: Receipt) => void receipts.push(receipt) } as const;
    await cloudWith({ timeoutMs: 1000 }).vpcs.create({ name: "main", cidr: "10.0.0.0/16" }, options);
    expect(receipts).toEqual(["settled"]);
  });

  test("passes through the interceptors of cloud.http", async () => {
    const cloud = cloudWith();
    cloud.http.interceptors.request.use((config) => {
      config.headers.set("x-trace", "abc");
      return config;
    });
    nock(endpoint, { reqheaders: { "x-trace": "abc" } })
      .post(getVpc)
      .reply(...vpc);
    await cloud.vpcs.get("vpc-1");
  });
});

describe("retries", () => {
  test("keep the idempotency key, and back off with jitter", async () => {
    const keys: string[] = [];
    const keep = (key: string | null) => keys.push(key ?? "") > 0;
    nock(endpoint)
      .post(createVpc)
      .matchHeader("idempotency-key", keep)
      .times(2)
      .reply(...busy);
    nock(endpoint)
      .post(createVpc)
      .matchHeader("idempotency-key", keep)
      .reply(...vpc);
    const timing = fakeTiming();
    await cloudWith({ timing }).vpcs.create({ name: "main", cidr: "10.0.0.0/16" });
    expect(new Set(keys).size).toBe(1);
    expect(timing.slept).toEqual([50, 100]);
  });

  test("wait as long as Retry-After says", async () => {
    const [status, body] = busy;
    nock(endpoint).post(getVpc).reply(status, body, { "retry-after": "3", "content-type": "application/json" });
    nock(endpoint)
      .post(getVpc)
      .reply(...vpc);
    const timing = fakeTiming();
    await cloudWith({ timing }).vpcs.get("vpc-1");
    expect(timing.slept).toEqual([3000]);
  });

  test("follow broken connections and proxies that are down", async () => {
    nock(endpoint)
      .post(createVpc)
      .replyWithError(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
    nock(endpoint).post(createVpc).reply(502, "<html>");
    nock(endpoint)
      .post(createVpc)
      .reply(...vpc);
    expect(await cloudWith().vpcs.create({ name: "main", cidr: "10.0.0.0/16" })).toMatchObject({ id: "vpc-1" });
  });

  test("stop at the limit with the last error", async () => {
    nock(endpoint)
      .post(getVpc)
      .times(3)
      .reply(...busy);
    await expect(cloudWith({ retries: 2 }).vpcs.get("vpc-1")).rejects.toMatchObject({
      code: "unavailable",
      reason: "SHUTTING_DOWN",
    });
  });

  test("stop when the next wait would pass the deadline", async () => {
    const [status, body] = busy;
    nock(endpoint).post(getVpc).reply(status, body, { "retry-after": "60", "content-type": "application/json" });
    await expect(cloudWith().vpcs.get("vpc-1")).rejects.toMatchObject({ code: "unavailable" });
  });

  const final = [
    ["not_found", "NOT_FOUND"],
    ["resource_exhausted", "OUT_OF_ADDRESSES"],
    ["aborted", "STALE_ETAG"],
    ["failed_precondition", "STILL_REFERENCED"],
    ["internal", "INTERNAL"],
  ] as const;
  test.each(final)("are not made after %s %s", async (code, reason) => {
    nock(endpoint)
      .post(getVpc)
      .reply(...errorReply(code, "no", { reason }));
    await expect(cloudWith().vpcs.get("vpc-1")).rejects.toMatchObject({ code, reason });
  });

  test("are made after aborted CONTENDED", async () => {
    nock(endpoint)
      .post(getVpc)
      .reply(...errorReply("aborted", "try again", { reason: "CONTENDED" }));
    nock(endpoint)
      .post(getVpc)
      .reply(...vpc);
    await cloudWith().vpcs.get("vpc-1");
  });

  test("are not made of a refresh that may have arrived: its token works once", async () => {
    nock(endpoint)
      .post("/iam.v1.IamTokenService/RefreshToken")
      .reply(...busy);
    await expect(cloudWith().tokens.refresh({ refreshToken: "r" })).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a deadline", () => {
  test("ends a call that does not answer", async () => {
    nock(endpoint)
      .post(getVpc)
      .delay(60_000)
      .reply(...vpc);
    await expect(cloudWith({ timeoutMs: 20 }).vpcs.get("vpc-1")).rejects.toMatchObject({ code: "deadline_exceeded" });
    nock.abortPendingRequests();
  });

  test("an AbortSignal ends a call as canceled", async () => {
    nock(endpoint)
      .post(getVpc)
      .delay(60_000)
      .reply(...vpc);
    const stop = new AbortController();
    const call = cloudWith().vpcs.get("vpc-1", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(call).rejects.toMatchObject({ code: "canceled", cause: stop.signal.reason });
    nock.cleanAll();
  });
});

describe("tokens", () => {
  const credentials = { principalId: "deployer", keySecret: "pck_the-secret" };

  test("are fetched once for calls that start together", async () => {
    nock(endpoint)
      .post(login, { principalId: "deployer", keySecret: "pck_the-secret", orgId: "acme" })
      .reply(...tokenReply("t1"));
    nock(endpoint, { reqheaders: { authorization: "Bearer t1" } })
      .post(getVpc)
      .times(3)
      .reply(...vpc);
    const cloud = cloudWith({ credentials });
    await Promise.all([1, 2, 3].map(() => cloud.vpcs.get("vpc-1")));
  });

  test("ask for the second factor where the login wants one", async () => {
    const required = errorReply("unauthenticated", "a code, please", { reason: "SECOND_FACTOR_REQUIRED" });
    const user = { principalId: "alice", password: "a quite long phrase" };
    const request = { ...user, orgId: "acme" };
    nock(endpoint)
      .post(login, request)
      .twice()
      .reply(...required);
    nock(endpoint)
      .post(login, { ...request, code: "123456" })
      .reply(...tokenReply("t1"));
    nock(endpoint, { reqheaders: { authorization: "Bearer t1" } })
      .post(getVpc)
      .reply(...vpc);
    await cloudWith({ credentials: { ...user, secondFactor: async () => "123456" } }).vpcs.get("vpc-1");
    await expect(cloudWith({ credentials: user }).vpcs.get("vpc-1")).rejects.toMatchObject({
      reason: "SECOND_FACTOR_REQUIRED",
    });
  });

  test("are fetched again, once, when the cloud refuses one", async () => {
    const refused = errorReply("unauthenticated", "no", { reason: "UNAUTHENTICATED" });
    nock(endpoint)
      .post(login)
      .reply(...tokenReply("t1"));
    nock(endpoint, { reqheaders: { authorization: "Bearer t1" } })
      .post(getVpc)
      .reply(...refused);
    nock(endpoint)
      .post(login)
      .reply(...tokenReply("t2"));
    nock(endpoint, { reqheaders: { authorization: "Bearer t2" } })
      .post(getVpc)
      .reply(...refused);
    await expect(cloudWith({ credentials }).vpcs.get("vpc-1")).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("are renewed ahead of their end while the old one goes on", async () => {
    const timing = fakeTiming();
    nock(endpoint)
      .post(login)
      .reply(...tokenReply("t1"));
    nock(endpoint, { reqheaders: { authorization: "Bearer t1" } })
      .post(getVpc)
      .twice()
      .reply(...vpc);
    const cloud = cloudWith({ credentials, timing });
    await cloud.vpcs.get("vpc-1");
    timing.at += 3_590_000;
    const renewed = new Promise((resolve) =>
      nock(endpoint)
        .post(login)
        .reply(...tokenReply("t2"))
        .once("replied", resolve),
    );
    await cloud.vpcs.get("vpc-1");
    await renewed;
    timing.at += 5_000;
    const used: string[] = [];
    nock(endpoint)
      .post(getVpc)
      .matchHeader("authorization", (value) => used.push(value ?? "") > 0)
      .reply(...vpc);
    await cloud.vpcs.get("vpc-1");
    expect(used.every((value) => value === "Bearer t2")).toBe(true);
  });

  test("of a static credential are not asked for again", async () => {
    nock(endpoint)
      .post(getVpc)
      .reply(...errorReply("unauthenticated", "no", { reason: "UNAUTHENTICATED" }));
    await expect(cloudWith().vpcs.get("vpc-1")).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("may come from a function, which hears of a refused one", async () => {
    const asked: (string | undefined)[] = [];
    const given = ["a", "b"];
    nock(endpoint)
      .post(getVpc)
      .reply(...errorReply("unauthenticated", "no", { reason: "UNAUTHENTICATED" }));
    nock(endpoint, { reqheaders: { authorization: "Bearer b" } })
      .post(getVpc)
      .reply(...vpc);
    const cloud = cloudWith({
      credentials: async ({ refused }) => {
        asked.push(refused);
        return given.shift() ?? "";
      },
    });
    await cloud.vpcs.get("vpc-1");
    expect(asked).toEqual([undefined, "a"]);
  });
});

describe("PhotonError", () => {
  test("has what the cloud said", async () => {
    const violations = [{ path: "cidr", rule: "format", message: "10.0.0.0/33 was given" }];
    const details = {
      reason: "INVALID_FIELDS",
      requestId: "req-7",
      violations,
      resources: ["org/acme"],
      permission: "a:b:c",
    };
    nock(endpoint)
      .post(createVpc)
      .reply(...errorReply("invalid_argument", "cidr: no", details));
    const error: unknown = await cloudWith()
      .vpcs.create({ name: "a", cidr: "10.0.0.0/33" })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PhotonError);
    expect(error).toMatchObject({
      ...details,
      code: "invalid_argument",
      retry: "never",
      message: "cidr: no",
      method: createVpc.slice(1),
    });
  });

  test("tells what to look at when the address is wrong", async () => {
    nock(endpoint).post(getVpc).reply(404, "<html>");
    await expect(cloudWith().vpcs.get("vpc-1")).rejects.toThrow(/HTTP 404 .* is that address a PhotonCloud server\?/);
    expect(() => cloudWith({ endpoint: "cloud.test:50080" })).toThrow(/an http or https URL is wanted/);
  });

  test("tells of a peer that can't be reached, and keeps no request", async () => {
    nock(endpoint)
      .post(getVpc)
      .replyWithError(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
    await expect(cloudWith({ retries: 0 }).vpcs.get("vpc-1")).rejects.toThrow(
      /can't reach http:\/\/cloud.test \(ECONNREFUSED\)/,
    );
  });

  test.each([
    ["http://cloud.test", "ECONNRESET", /TLS answers to https/],
    ["https://cloud.test", "EPROTO", /answers without TLS.*http:\/\//],
  ])("tells whom it calls by the wrong protocol: %s, %s", async (address, code, message) => {
    nock(address)
      .post(getVpc)
      .replyWithError(Object.assign(new Error("no"), { code }));
    await expect(cloudWith({ endpoint: address, retries: 0 }).vpcs.get("vpc-1")).rejects.toThrow(message);
  });

  const secrets = ["pck_the-secret", "the-token", "the-password"];
  test("and the client show no secret, however deep they are printed", async () => {
    nock(endpoint)
      .post(login)
      .reply(...tokenReply("the-token"));
    nock(endpoint).post("/iam.v1.UserService/CreateUser").replyWithError(new Error("broken"));
    const cloud = cloudWith({ credentials: { principalId: "deployer", keySecret: "pck_the-secret" }, retries: 0 });
    const error: unknown = await cloud.users.create({ password: "the-password" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PhotonError);
    for (const secret of secrets)
      for (const shown of [
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error),
        inspect(cloud, { depth: 20, showHidden: true }),
      ])
        expect(shown).not.toContain(secret);
  });
});
