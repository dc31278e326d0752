// docs/guides/quotas.md, run as a reader runs it: its commands by a shell, its HCL by the real Terraform.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "../terraform/workspace.ts";
import { blocksOf } from "./guide.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "photon-quotas-"));
const blocks = Object.groupBy(blocksOf("quotas.md"), ({ language }) => language);
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud();
  const photon = join(folder, "photon");
  const command = `exec ${process.execPath} --conditions=photon-source --no-warnings ${root}/cli/src/start.ts "$@"`;
  writeFileSync(photon, `#!/bin/sh\n${command}\n`);
  chmodSync(photon, 0o755);
});

afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

async function shell(script: string): Promise<{ code: number | null; output: string }> {
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    CLOUD: cloud.url,
    ADMIN_FILE: join(cloud.dataDir, "admin.json"),
    XDG_CONFIG_HOME: folder,
  };
  const child = spawn("bash", ["-euc", `exec 2>&1\n${script}`], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const output = await text(child.stdout);
  return { code: await ended, output };
}

test("every command of the guide does what it says, and its HCL is one more quota", async () => {
  const { code, output } = await shell((blocks.sh ?? []).map((block) => block.text).join("\n"));
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toMatch(/^vcpus +vm +Added up over all vms/m);
  expect(output).toMatch(/the quota of org\/acme\/project\/web for vpcs is 1: 1 are used, and 1 more would be needed/);
  expect(output).toMatch(/^refused, with the exit code [1-9]/m);
  expect(output).toMatch(/^vpcs +1 +1$/m);
  expect(output).toMatch(/^vms +0 +20$/m);

  const [block, ...more] = blocks.hcl ?? [];
  const login = { url: cloud.url, token: await cloud.adminToken(), orgId: "", projectId: "" };
  const workspace = await Workspace.open(login, block?.text ?? "");
  expect([await workspace.plan(), more]).toEqual([{ "photoncloud_quota.web": "create" }, []]);
  workspace.close();
}, 240_000);
