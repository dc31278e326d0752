// The calls of the platform's contract as its callers run them: buf curl over gRPC with reflection and no schema, and plain curl with JSON.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";

const root = join(import.meta.dirname, "../..");
const buf = join(root, "node_modules/.bin/buf");

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.stop());

type Json = Readonly<Record<string, unknown>>;

interface Outcome {
  readonly ok: boolean;
  /** The HTTP status where the caller sees one. */
  readonly status?: number;
  readonly body: Json;
}

/** Runs a program and answers what it printed and how it ended. */
async function run(program: string, args: readonly string[]): Promise<{ out: string; err: string; ok: boolean }> {
  const env = { ...process.env, BUF_CACHE_DIR: join(cloud.dataDir, "buf") };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { env });
    return { out: stdout, err: stderr, ok: true };
  } catch (error) {
    const { stdout = "", stderr = "" } = Object(error);
    return { out: String(stdout), err: String(stderr), ok: false };
  }
}

const bearer = (token: string) => (token === "" ? [] : ["-H", `Authorization: Bearer ${token}`]);

/** One way to call: the method's path, a body, a token. */
type Caller = (method: string, body: Json, token?: string) => Promise<Outcome>;

const bufCurl: Caller = async (method, body, token = "") => {
  const data = ["-d", JSON.stringify(body), ...bearer(token)];
  const how = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  const { out, err, ok } = await run(buf, [...how, ...data, `${cloud.url}/${method}`]);
  return { ok, body: JSON.parse(ok ? out : err) };
};

const curl: Caller = async (method, body, token = "") => {
  const how = ["-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/json"];
  const { out } = await run("curl", [...how, ...bearer(token), "-d", JSON.stringify(body), `${cloud.url}/${method}`]);
  const [text = "", status = ""] = out.split("\n");
  return { ok: status === "200", status: Number(status), body: JSON.parse(text) };
};

const callers: Readonly<Record<string, Caller>> = { "buf curl": bufCurl, curl };

async function must(outcome: Promise<Outcome>): Promise<Json> {
  const { ok, body } = await outcome;
  if (!ok) throw new Error(JSON.stringify(body));
  return body;
}

function text(body: Json, field: string): string {
  const value = body[field];
  if (typeof value !== "string") throw new Error(`no ${field} in ${JSON.stringify(body)}`);
  return value;
}

describe.each(Object.entries(callers))("by %s", (name, call) => {
  const org = `acme-${name.replace(" ", "-")}`;
  const at = { org_id: org, project_id: "project-alpha" };
  let account: TestTenant;
  let foreign: TestTenant;
  beforeAll(async () => {
    account = await cloud.tenant(org, "project-alpha");
    foreign = await cloud.tenant(`other-${org}`, "project-beta");
  });

  async function login(): Promise<string> {
    const who = { principal_id: account.serviceAccountId, ...at, key_secret: account.keySecret };
    return text(await must(call("iam.v1.IamTokenService/IssueToken", who)), "token");
  }

  test("the tenant path: token, VPC, subnet, port, VM, and back", async () => {
    const token = await login();
    const create = (method: string, body: Json) => must(call(method, { ...at, ...body }, token));
    const vpc = await create("novanet.v1.VpcService/CreateVpc", { name: "main-vpc", cidr: "10.0.0.0/16" });
    const subnet = await create("novanet.v1.SubnetService/CreateSubnet", {
      vpc_id: text(vpc, "id"),
      name: "web-subnet",
      cidr: "10.0.1.0/24",
      gateway: "10.0.1.1",
      dhcp_enabled: true,
    });
    const port = await create("novanet.v1.PortService/CreatePort", {
      subnet_id: text(subnet, "id"),
      name: "vm-port",
      ip_address: "10.0.1.10",
    });
    expect(port).toMatchObject({ ipAddress: "10.0.1.10", macAddress: expect.stringMatching(/^fa:16:3e:/) });
    expect(port.deviceId ?? "").toBe("");

    const readPort = () => must(call("novanet.v1.PortService/GetPort", { ...at, id: text(port, "id") }, token));
    const vm = await create("plasmavmc.v1.VmService/CreateVm", {
      name: "web-server-1",
      spec: { network: [{ id: "eth0", port_id: text(port, "id") }] },
    });
    expect(await readPort()).toMatchObject({ deviceId: text(vm, "id"), deviceType: "DEVICE_TYPE_VM" });

    await must(call("plasmavmc.v1.VmService/DeleteVm", { ...at, id: text(vm, "id") }, token));
    await waitUntil(async () => (await readPort()).deviceId === undefined);
    expect((await readPort()).deviceType ?? "DEVICE_TYPE_UNSPECIFIED").toBe("DEVICE_TYPE_UNSPECIFIED");
  });

  test("a principal of another org is refused, whatever it names", async () => {
    const token = await login();
    const body = { ...at, name: "private", cidr: "10.9.0.0/16" };
    const vpc = await must(call("prismnet.v1.VpcService/CreateVpc", body, token));
    const refused = await call("prismnet.v1.VpcService/GetVpc", { ...at, id: text(vpc, "id") }, foreign.token);
    expect(refused).toMatchObject({ ok: false, body: { code: "permission_denied" } });
    if (refused.status !== undefined) expect(refused.status).toBe(403);
    const own = { org_id: foreign.orgId, project_id: foreign.projectId };
    const byId = await call("prismnet.v1.VpcService/GetVpc", { ...own, id: text(vpc, "id") }, foreign.token);
    expect(byId).toMatchObject({ ok: false, body: { code: "not_found" } });
  });

  test("IamAdminService has the methods of all of IAM's kinds", async () => {
    const token = await cloud.adminToken();
    const found = await must(call("iam.v1.IamAdminService/GetOrg", { id: org }, token));
    expect(found).toMatchObject({ id: org });
  });

  test("an unknown method is unimplemented, a wrong type of field an invalid argument", async () => {
    const wrong = await curl("prismnet.v1.VpcService/GetVpc", { ...at, id: 7 }, foreign.token);
    expect(wrong).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    const unknown = await curl("prismnet.v1.VpcService/Frobnicate", {}, foreign.token);
    expect(unknown).toMatchObject({ status: 404, body: { code: "unimplemented" } });
  });
});

/** Looks until it is so, for at most ten seconds. */
async function waitUntil(so: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await so())) if (Date.now() > end) throw new Error("it did not come to be within 10 seconds");
}

describe("malformed calls by curl", () => {
  const path = () => `${cloud.url}/prismnet.v1.VpcService/CreateVpc`;
  const post = (body: string, type = "application/json") =>
    run("curl", ["-sS", "-o", "-", "-w", "\n%{http_code}", "-H", `Content-Type: ${type}`, "-d", body, path()]);
  const asTenant = async (body: string, type?: string) => {
    const { token } = await cloud.tenant("malformed", "p");
    const file = join(cloud.dataDir, "body.json");
    await writeFile(file, body);
    const how = ["-sS", "-w", "\n%{http_code}", "-H", `Content-Type: ${type ?? "application/json"}`, ...bearer(token)];
    return run("curl", [...how, "--data-binary", `@${file}`, path()]);
  };

  test.each([
    ["a body cut short", '{"org_id":', undefined, "400", "MALFORMED_REQUEST"],
    [
      "a body that is too large",
      JSON.stringify({ name: "x".repeat(5_000_000) }),
      undefined,
      "429",
      "REQUEST_TOO_LARGE",
    ],
    ["an unknown field", '{"org":"malformed"}', undefined, "400", "MALFORMED_REQUEST"],
    ["a content type that no protocol has", "<vpc/>", "application/xml", "415", "MALFORMED_REQUEST"],
    ["bytes that are no message", "\u0007\u0007\u0007", "application/proto", "400", "MALFORMED_REQUEST"],
  ])("%s", async (_name, body, type, status, reason) => {
    const { out } = await asTenant(body, type);
    expect(out.trimEnd().split("\n").at(-1)).toBe(status);
    expect(out).toContain(`"${reason}"`);
  });

  test("no token is unauthenticated, before anything of the body is looked at", async () => {
    const { out } = await post("not json at all");
    expect(out).toContain('"code":"unauthenticated"');
    expect(out.trimEnd().split("\n").at(-1)).toBe("401");
  });
});
