// docs/guides/quotas.md: its commands in their order, and its HCL by the real Terraform.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "../terraform/workspace.ts";
import { blocksOf, commandsOf, wordsOf } from "./guide.ts";
import { Person } from "./terminal-person.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-quotas-"));
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud();
});

afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a command as a shell does that knows variables and || alone. Answers what it printed. */
async function type(person: Person, command: string): Promise<string> {
  const variables: Readonly<Record<string, string>> = {
    CLOUD: cloud.url,
    ADMIN_FILE: join(cloud.dataDir, "admin.json"),
  };
  const [photon = "", otherwise] = command.replaceAll(/\$(\w+)/g, (_, name) => variables[name] ?? "").split(" || ");
  const { code, out, err } = await person.run(wordsOf(photon).slice(1));
  expect({ command, refused: code !== 0, err }).toMatchObject({ command, refused: otherwise !== undefined });
  return out + err;
}

test("every command of the guide does what it says, and its HCL is one more quota", async () => {
  const operator = new Person("operator", folder);
  let output = "";
  for (const command of commandsOf("quotas.md")) output += await type(operator, command);
  expect(output).toMatch(/^vcpus +vm +Added up over all vms/m);
  expect(output).toMatch(/the quota of org\/acme\/project\/web for vpcs is 1: 1 are used, and 1 more would be needed/);
  expect(output).toMatch(/^vpcs +1 +1$/m);
  expect(output).toMatch(/^vms +0 +20$/m);

  const [block, ...more] = blocksOf("quotas.md").filter(({ language }) => language === "hcl");
  const login = { url: cloud.url, token: await cloud.adminToken(), orgId: "", projectId: "" };
  const workspace = await Workspace.open(login, block?.text ?? "");
  try {
    expect([await workspace.plan(), more]).toEqual([{ "photoncloud_quota.web": "create" }, []]);
  } finally {
    workspace.close();
  }
}, 240_000);
