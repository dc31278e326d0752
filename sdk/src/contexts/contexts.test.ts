// Where the client finds the cloud: the environment, or the context that `photon login` kept, whose session it renews.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { PhotonCloud } from "../cloud.ts";
import { errorReply, resourceReply } from "../testing/index.ts";
import {
  type Context,
  contextCredentials,
  contextsPath,
  fromEnvironment,
  readContexts,
  updateContexts,
} from "./index.ts";

const endpoint = "http://cloud.test";
let folder: string;
let env: Record<string, string>;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "photon-contexts-"));
  env = { XDG_CONFIG_HOME: folder };
  path = contextsPath(env);
  nock.disableNetConnect();
});
// Jest shares Node's own modules between test files: without this, files that run later would still go through nock.
afterAll(() => nock.restore());
afterEach(() => {
  rmSync(folder, { recursive: true });
  nock.cleanAll();
  nock.enableNetConnect();
});

function keep(changes: Partial<Context> = {}): void {
  const expireTime = new Date(Date.now() + 3_600_000).toISOString();
  const context = {
    endpoint,
    org: "acme",
    project: "alpha",
    principal: "alice",
    token: "t1",
    expireTime,
    refreshToken: "r1",
  };
  updateContexts(path, () => ({ current: "main", contexts: { main: { ...context, ...changes } } }));
}

describe("fromEnvironment()", () => {
  test("takes everything from variables", () => {
    const where = { PHOTON_ENDPOINT: endpoint, PHOTON_ORG: "o", PHOTON_PROJECT: "p", PHOTON_PRINCIPAL: "sa" };
    expect(fromEnvironment({ ...where, PHOTON_KEY_SECRET: "k" })).toMatchObject({
      endpoint,
      org: "o",
      project: "p",
      credentials: { principalId: "sa", keySecret: "k" },
    });
    expect(fromEnvironment({ ...where, PHOTON_PASSWORD: "w" })).toMatchObject({ credentials: { password: "w" } });
    expect(fromEnvironment({ ...where, PHOTON_TOKEN: "t" })).toMatchObject({ credentials: { token: "t" } });
    expect(() => fromEnvironment(where)).toThrow(/neither PHOTON_KEY_SECRET nor PHOTON_PASSWORD/);
  });

  test.each([
    ["a variable", () => ({ PHOTON_ID_TOKEN: " from-a-variable\n" }), "from-a-variable"],
    ["a file", () => ({ PHOTON_ID_TOKEN_FILE: join(folder, "token") }), "from-a-file"],
    ["a command", () => ({ PHOTON_ID_TOKEN_COMMAND: "echo from-a-command" }), "from-a-command"],
  ])("exchanges an identity token from %s, and renews by itself", async (_name, more, subjectToken) => {
    writeFileSync(join(folder, "token"), "from-a-file\n");
    const options = fromEnvironment({
      PHOTON_ENDPOINT: endpoint,
      PHOTON_ORG: "acme",
      PHOTON_PRINCIPAL: "ci",
      ...more(),
    });
    const exchange = { principalId: "ci", orgId: "acme", subjectToken };
    // The first token has ended already: the second call needs another one.
    for (const [token, expireTime] of [
      ["t1", "2000-01-01T00:00:00Z"],
      ["t2", "2999-01-01T00:00:00Z"],
    ] as const) {
      nock(endpoint).post("/iam.v1.IamTokenService/ExchangeToken", exchange).reply(200, { token, expireTime });
      nock(endpoint, { reqheaders: { authorization: `Bearer ${token}` } })
        .post(/GetVpc$/)
        .reply(...resourceReply("vpcs", { id: "vpc-1" }));
    }
    const cloud = new PhotonCloud({ ...options, project: "alpha" });
    await cloud.vpcs.get("vpc-1");
    await cloud.vpcs.get("vpc-1");
    expect(nock.isDone()).toBe(true);
  });

  test("tells of a command that fails, and not what it printed", async () => {
    const env = { PHOTON_ENDPOINT: endpoint, PHOTON_PRINCIPAL: "ci", PHOTON_ID_TOKEN_COMMAND: "echo canary; exit 3" };
    const call = new PhotonCloud(fromEnvironment(env)).vpcs.get("vpc-1");
    await expect(call).rejects.toThrow("the command for the identity token failed (3)");
    await expect(call).rejects.not.toThrow(/canary/);
  });

  test("reads the authority from PHOTON_CA_FILE", () => {
    writeFileSync(join(folder, "ca.pem"), "PEM");
    expect(fromEnvironment({ PHOTON_ENDPOINT: endpoint, PHOTON_CA_FILE: join(folder, "ca.pem") })).toMatchObject({
      ca: "PEM",
    });
  });

  test("says what to do when nothing says where the cloud is", () => {
    expect(() => fromEnvironment(env)).toThrow(/set PHOTON_ENDPOINT, or log in with `photon login`/);
    keep();
    expect(() => fromEnvironment({ ...env, PHOTON_CONTEXT: "other" })).toThrow(/there is no context other/);
  });

  test("never gives a context's session to another endpoint", () => {
    keep();
    expect(fromEnvironment({ ...env, PHOTON_ENDPOINT: "http://elsewhere.test" }).credentials).toBeUndefined();
    expect(fromEnvironment(env, { endpoint: "http://elsewhere.test" }).credentials).toBeUndefined();
  });

  test("lets variables choose another tenant in the context's cloud", () => {
    keep();
    expect(fromEnvironment({ ...env, PHOTON_PROJECT: "beta" })).toMatchObject({
      endpoint,
      org: "acme",
      project: "beta",
    });
  });
});

describe("the contexts' file", () => {
  test("is its owner's alone, and nothing is left beside it", () => {
    keep();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(path))).toEqual(["contexts.json"]);
  });

  test("is told to be damaged without being shown", () => {
    keep();
    writeFileSync(path, '{ "current": "the-token');
    expect(() => readContexts(path)).toThrow(/is damaged: remove it/);
    expect(() => readContexts(path)).not.toThrow(/the-token/);
  });
});

describe("a context's session", () => {
  const refresh = "/iam.v1.IamTokenService/RefreshToken";
  const soon = () => new Date(Date.now() + 5_000).toISOString();
  const fresh = { token: "t2", expireTime: "2999-01-01T00:00:00Z", refreshToken: "r2" };
  const ended = errorReply("unauthenticated", "no", { reason: "UNAUTHENTICATED" });

  test("is used as long as it is good", async () => {
    keep();
    nock(endpoint, { reqheaders: { authorization: "Bearer t1" } })
      .post(/GetVpc$/, { orgId: "acme", projectId: "alpha", id: "vpc-1" })
      .reply(...resourceReply("vpcs", { id: "vpc-1" }));
    await new PhotonCloud(fromEnvironment(env)).vpcs.get("vpc-1");
  });

  test("is renewed before its end, and written down", async () => {
    keep({ expireTime: soon() });
    nock(endpoint).post(refresh, { refreshToken: "r1" }).reply(200, fresh);
    nock(endpoint, { reqheaders: { authorization: "Bearer t2" } })
      .post(/GetVpc$/)
      .reply(...resourceReply("vpcs", { id: "vpc-1" }));
    await new PhotonCloud(fromEnvironment(env)).vpcs.get("vpc-1");
    expect(readContexts(path).contexts.main).toMatchObject(fresh);
  });

  test("is taken from the file when another process renewed it first", async () => {
    keep({ expireTime: soon() });
    nock(endpoint)
      .post(refresh)
      .reply(...ended)
      .once("request", () => keep(fresh));
    const credentials = contextCredentials(path, "main");
    expect(typeof credentials === "function" && (await credentials({ refused: undefined }))).toMatchObject({
      token: "t2",
    });
  });

  test("asks for a login when it has ended", async () => {
    keep({ expireTime: soon() });
    nock(endpoint)
      .post(refresh)
      .reply(...ended);
    const call = new PhotonCloud(fromEnvironment(env)).vpcs.get("vpc-1");
    await expect(call).rejects.toMatchObject({ code: "unauthenticated", retry: "after_login" });
    await expect(call).rejects.toThrow(/log in again with `photon login`/);
  });
});
