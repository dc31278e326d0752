// docs/guides/iam.md, run as a reader runs it: its commands by a shell, a real OpenID provider as the company's and as the pipeline's, the real
// Terraform with the built provider. Nothing secret may be left in the server's log.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PhotonCloud } from "@photoncloud/sdk";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { allowInsecureRequests, discovery } from "openid-client";
import {
  clientId,
  clientSecret,
  openProvider,
  pipeline,
  pipelineSecret,
  type TestProvider,
} from "../../server/src/services/iam/federation/testing/provider.ts";
import { ServerProcess } from "../terraform/server-process.ts";
import { cliConfig, environment } from "../terraform/workspace.ts";
import { blocksOf } from "./guide.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "photon-iam-"));
const server = new ServerProcess(["--hypervisor", "simulated"]);
const alicePassword = "canary-the-password-of-alice";
let corp: TestProvider;

/** The guide's blocks of a language, in their order. */
function blocks(language: string): readonly string[] {
  return blocksOf("iam.md").flatMap((block) => (block.language === language ? [block.text] : []));
}

function program(name: string, text: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

beforeAll(async () => {
  await server.start();
  corp = await openProvider([`${server.url}/oauth2/callback/acme/corp`]);
  corp.person = { sub: "alice-at-corp", email: "alice@acme.example", email_verified: true, groups: ["cloud-web"] };
  const node = `exec ${process.execPath} --conditions=photon-source --no-warnings`;
  program("photon", `${node} ${root}/cli/src/start.ts "$@"`);
  program("xdg-open", `${node} ${root}/test/e2e/person.ts "$@"`);
  const form = ["grant_type=client_credentials", `client_id=${encodeURIComponent(pipeline)}`, `resource=${server.url}`];
  const secret = `client_secret=${encodeURIComponent(pipelineSecret)}`;
  program(
    "ci-token",
    `curl -fsS ${corp.issuer}/token -d '${[...form, secret].join("&")}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`,
  );
}, 120_000);

afterAll(async () => {
  await server.close();
  await corp.close();
  rmSync(folder, { recursive: true });
});

function shell(
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn("bash", ["-c", `set -euo pipefail\n${script}`], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

test("the guide has no block that is not run here", () => {
  const counts = Object.groupBy(blocksOf("iam.md"), ({ language }) => language);
  expect(Object.keys(counts).toSorted()).toEqual(["hcl", "sh", "ts"]);
  expect([counts.hcl?.length, counts.ts?.length]).toEqual([1, 1]);
});

test("every command of the guide works, and nothing secret is printed", async () => {
  const login = { url: "", token: "", orgId: "", projectId: "" };
  const terraform = environment(login, await cliConfig(folder));
  const env = {
    ...terraform,
    PATH: `${folder}:${terraform.PATH}`,
    CLOUD: server.url,
    XDG_CONFIG_HOME: join(folder, "config"),
    ADMIN_FILE: join(server.folder, "admin.json"),
    ALICE_PASSWORD: alicePassword,
    CORP_ISSUER: corp.issuer,
    CORP_CLIENT_ID: clientId,
    CORP_CLIENT_SECRET: clientSecret,
    CI_ISSUER: corp.issuer,
    CI_SUBJECT: pipeline,
    CI_TOKEN_COMMAND: "ci-token",
  };
  const [hcl = ""] = blocks("hcl");
  writeFileSync(join(folder, "main.tf"), hcl);
  const { code, output } = await shell(blocks("sh").join("\n"), env);
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  expect(output).toContain("Apply complete! Resources: 1 added");
  expect(output).toContain("No changes.");
  for (const secret of [alicePassword, clientSecret]) expect(output).not.toContain(secret);
}, 480_000);

test("another system verifies our principals' tokens by discovery alone (OpenID Connect Discovery 1.0)", async () => {
  const [program = ""] = blocks("ts");
  const cloud = new PhotonCloud({ endpoint: server.url, credentials: { token: await server.token() } });
  const token: unknown = await runInNewContext(`(async () => { ${program} return token; })()`, { cloud });
  const client = await discovery(new URL(server.url), "any", undefined, undefined, {
    execute: [allowInsecureRequests],
  });
  const { issuer, jwks_uri: keys = "" } = client.serverMetadata();
  const checks = { issuer, audience: "https://vault.example", typ: "JWT" };
  const { payload } = await jwtVerify(String(token), createRemoteJWKSet(new URL(keys)), checks);
  expect(payload).toMatchObject({ iss: server.url, sub: "user:system/admin", org_id: "system", principal_id: "admin" });
});
