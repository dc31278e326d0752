// The whole server: how it starts, restarts, revokes and stops.
import { statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Health, HealthCheckResponse_ServingStatus } from "@photoncloud/proto/gen/grpc/health/v1/health_pb";
import { ErrorInfoSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { VpcService } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { readAdminFile } from "./admin-file.ts";
import { runServer } from "./run.ts";
import { postJson, startTestCloud, type TestCloud, type TestTenant } from "./testing/index.ts";

const list = "prismnet.v1.VpcService/ListVpcs";
const whoAmI = "iam.v1.IamTokenService/WhoAmI";

function watch(cloud: TestCloud, { orgId, projectId, token }: TestTenant) {
  const client = createClient(VpcService, createGrpcTransport({ baseUrl: cloud.url }));
  return client
    .watchVpcs({ orgId, projectId }, { headers: { authorization: `Bearer ${token}` } })
    [Symbol.asyncIterator]();
}

/** Reads a stream to its end, and answers the error that it ended with. */
async function endOf(stream: AsyncIterator<unknown>): Promise<ConnectError> {
  try {
    while ((await stream.next()).done !== true);
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the stream ended without an error");
}

describe("a running cloud", () => {
  let cloud: TestCloud;
  beforeAll(async () => {
    cloud = await startTestCloud({ argv: ["--also-listen", "127.0.0.1:0"] });
  });
  afterAll(() => cloud.stop());

  test("is ready, and says so to health checks of all kinds", async () => {
    expect((await fetch(`${cloud.url}/readyz`)).status).toBe(200);
    const health = createClient(Health, createGrpcTransport({ baseUrl: cloud.url }));
    for (const service of ["", "prismnet.v1.VpcService"])
      expect((await health.check({ service })).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    await expect(health.check({ service: "no.Such" })).rejects.toThrow(/not_found/);
  });

  test("keeps the administrator's credentials to their owner", () => {
    expect(statSync(join(cloud.dataDir, "admin.json")).mode & 0o777).toBe(0o600);
    expect(readAdminFile(cloud.dataDir)).toEqual({
      endpoint: cloud.url,
      org_id: "system",
      principal_id: "admin",
      password: cloud.admin.password,
    });
  });

  test("publishes the keys that its tokens are signed with", async () => {
    const { keys }: { keys: unknown[] } = JSON.parse(await (await fetch(`${cloud.url}/.well-known/jwks.json`)).text());
    const [header = ""] = (await cloud.adminToken()).split(".");
    const { kid } = JSON.parse(Buffer.from(header, "base64url").toString());
    expect(keys).toContainEqual(expect.objectContaining({ kid }));
    expect(JSON.stringify(keys)).not.toMatch(/"d"/);
  });

  test("a revoked session is refused at once and its streams end", async () => {
    const tenant = await cloud.tenant("revoked-org", "alpha");
    const stream = watch(cloud, tenant);
    await stream.next();
    expect((await postJson(cloud.url, whoAmI, {}, tenant.token)).status).toBe(200);
    expect((await postJson(cloud.url, "iam.v1.IamTokenService/RevokeToken", {}, tenant.token)).status).toBe(200);
    const end = await endOf(stream);
    expect(end.code).toBe(Code.Unauthenticated);
    expect((await postJson(cloud.url, whoAmI, {}, tenant.token)).status).toBe(401);
  });

  test("keeps data and tokens over a restart", async () => {
    const { orgId, projectId, token } = await cloud.tenant("kept-org", "alpha");
    const vpc = { orgId, projectId, name: "kept", cidr: "10.0.0.0/16" };
    await postJson(cloud.url, "prismnet.v1.VpcService/CreateVpc", vpc, token);
    const before = cloud.url;
    await cloud.restart();
    expect(cloud.url).toBe(before);
    const answer = await postJson(cloud.url, list, { orgId, projectId }, token);
    expect(answer.body.vpcs).toMatchObject([{ name: "kept" }]);
  });
});

test("a server that stops ends its streams with SHUTTING_DOWN", async () => {
  const cloud = await startTestCloud();
  const stream = watch(cloud, await cloud.tenant("acme", "alpha"));
  await stream.next();
  const [end] = await Promise.all([endOf(stream), cloud.stop()]);
  expect(end.code).toBe(Code.Unavailable);
  expect(end.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "SHUTTING_DOWN" }]);
});

describe("photon server", () => {
  async function complaint(argv: readonly string[]) {
    let said = "";
    const code = await runServer(argv, {
      environment: { PHOTON_NETWORK: "simulated" },
      complain: (text) => (said += text),
    });
    return { code, said };
  }

  test("ends with code 2 and one sentence for a wrong setting", async () => {
    expect(await complaint(["--listen", "x:y"])).toEqual({
      code: 2,
      said: 'photon server: listen is "x:y"; it must be HOST:PORT, for example 127.0.0.1:50080 or [::1]:50080\n',
    });
  });

  test("ends with code 1 and the system's words where a port is taken", async () => {
    const cloud = await startTestCloud();
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const data = join(cloud.dataDir, "second");
      const { code, said } = await complaint(["--dev", "--data", data, "--listen", `127.0.0.1:${port}`]);
      expect(code).toBe(1);
      expect(said).toMatch(/EADDRINUSE/);
    } finally {
      other.close();
      await cloud.stop();
    }
  });

  test("ends with code 1 where another server has the store open", async () => {
    const cloud = await startTestCloud();
    try {
      const { code, said } = await complaint(["--dev", "--data", cloud.dataDir, "--listen", "127.0.0.1:0"]);
      expect(code).toBe(1);
      expect(said.split("\n")).toHaveLength(2);
    } finally {
      await cloud.stop();
    }
  });

  test("--help lists the settings", async () => {
    let said = "";
    expect(await runServer(["--help"], { write: (text) => (said += text) })).toBe(0);
    expect(said).toContain("--also-listen HOST:PORT,…");
  });
});
