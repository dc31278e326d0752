// The provider installed from the very server that it will talk to, by the real Terraform: by the registry protocol with signed checksums, and
// from a network mirror. Nothing else is on PATH: the package brings its own Node.
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { packProvider } from "../../provider/scripts/package.ts";
import { ServerProcess } from "./server-process.ts";
import { environment, Workspace } from "./workspace.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-registry-"));
const packages = join(folder, "packages");
const vpc = 'resource "photoncloud_vpc" "a" {\n  name = "a"\n  cidr = "10.0.0.0/16"\n}\n';
const host = "registry.photoncloud.internal";
const lists = `/terraform/providers/v1/photoncloud/photoncloud`;
const plain = new ServerProcess(["--provider-packages", packages]);
const secure = new ServerProcess(["--provider-packages", packages, "--tls"]);

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ["--conditions=photon-source", "scripts/build.ts"]);
  await packProvider("linux_amd64", packages);
  await plain.start();
  await plain.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await plain.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
});

afterAll(async () => {
  await plain.close();
  await secure.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A PATH with Terraform alone. */
function bareTerraform(): string {
  const bin = join(folder, "bin");
  if (existsSync(bin)) return bin;
  mkdirSync(bin);
  const found = (process.env.PATH ?? "").split(":").map((directory) => join(directory, "terraform"));
  symlinkSync(found.find(existsSync) ?? "", join(bin, "terraform"));
  return bin;
}

async function workspace(name: string, cliConfig: string): Promise<Workspace> {
  const directory = join(folder, name);
  mkdirSync(directory);
  const config = join(directory, "terraform.rc");
  writeFileSync(config, cliConfig);
  const login = { url: plain.url, token: await plain.token(), orgId: "acme", projectId: "web" };
  const env = { ...environment(login, config), PATH: bareTerraform() };
  const made = new Workspace(directory, env);
  made.write(vpc);
  return made;
}

async function get(path: string): Promise<Response> {
  return fetch(`${plain.url}${path}`);
}

describe("the registry protocol", () => {
  test("installs, locks and runs the provider, whose checksums the cloud has signed", async () => {
    const services = `{ "providers.v1" = "${plain.url}/terraform/providers/v1/" }`;
    const installed = await workspace("registry", `host "${host}" {\n  services = ${services}\n}\n`);
    const said = (await installed.must("init", "-no-color")).replace(/\s+/g, " ");
    expect(said).toMatch(
      /Installed registry\.photoncloud\.internal\/photoncloud\/photoncloud v0\.1\.0 \(self-signed, key ID [0-9A-F]{16}\)/,
    );
    const lies = join(installed.directory, ".terraform/providers", host, "photoncloud/photoncloud/0.1.0/linux_amd64");
    expect(readdirSync(lies).sort()).toEqual(["LICENSE", "LICENSE.node", "terraform-provider-photoncloud_v0.1.0"]);
    await installed.must("providers", "lock", "-platform=linux_amd64");
    const lock = readFileSync(join(installed.directory, ".terraform.lock.hcl"), "utf8");
    expect(lock).toMatch(/"zh:[0-9a-f]{64}"/);
    await installed.apply();
    expect(await installed.plan()).toEqual({});
    await installed.destroy();
  });

  test("is found by a host's name", async () => {
    expect(await (await get("/.well-known/terraform.json")).json()).toEqual({
      "providers.v1": "/terraform/providers/v1/",
    });
    const platforms = [{ os: "linux", arch: "amd64" }];
    expect(await (await get(`${lists}/versions`)).json()).toEqual({
      versions: [{ version: "0.1.0", protocols: ["6.0"], platforms }],
    });
  });

  test("has the manifest beside the packages that other registries ask for", () => {
    const name = "terraform-provider-photoncloud_0.1.0";
    expect(readdirSync(packages).sort()).toEqual([`${name}_linux_amd64.zip`, `${name}_manifest.json`]);
    const manifest: unknown = JSON.parse(readFileSync(join(packages, `${name}_manifest.json`), "utf8"));
    expect(manifest).toEqual({ version: 1, metadata: { protocol_versions: ["6.0"] } });
  });

  test("signs with the same key after a restart", async () => {
    const keyOf = async () => {
      const answer: unknown = await (await get(`${lists}/0.1.0/download/linux/amd64`)).json();
      return JSON.stringify(answer);
    };
    const before = await keyOf();
    await plain.stop();
    await plain.start();
    expect(await keyOf()).toBe(before);
  });

  test.each([
    `${lists}/9.9.9/download/linux/amd64`,
    `${lists}/0.1.0/download/plan9/mips`,
    "/terraform/packages/terraform-provider-photoncloud_9.9.9_SHA256SUMS",
    "/terraform/packages/..%2f..%2fetc%2fpasswd.zip",
    "/terraform/packages/other.zip",
    `/terraform/mirror/${host}/photoncloud/photoncloud/9.9.9.json`,
  ])("says what is not there: %s", async (path) => {
    const answer = await get(path);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("npm run package")]);
  });
});

test("a network mirror over TLS installs the provider", async () => {
  await secure.start();
  const url = `${secure.url}/terraform/mirror/`;
  const config = `provider_installation {\n  network_mirror {\n    url = "${url}"\n  }\n}\n`;
  const installed = await workspace("mirror", config);
  installed.env.SSL_CERT_FILE = join(secure.folder, "tls/ca.pem");
  expect(await installed.must("init", "-no-color")).toContain(
    "Installed registry.photoncloud.internal/photoncloud/photoncloud v0.1.0",
  );
  expect(await installed.plan()).toEqual({ "photoncloud_vpc.a": "create" });
});
