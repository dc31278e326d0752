// The ways to install the provider, and the Nodes that it runs on.

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
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { overrideWithBuild } from "../../provider/scripts/mirror.ts";
import { type Login, Workspace } from "./workspace.ts";

const vpc = 'resource "photoncloud_vpc" "a" {\n  name = "a"\n  cidr = "10.0.0.0/16"\n}\n';
const data = 'data "photoncloud_vpc" "a" {\n  name = photoncloud_vpc.a.name\n}\n';

let cloud: TestCloud;
let login: Login;
let workspace: Workspace;
let folder: string;

beforeAll(async () => {
  cloud = await startTestCloud();
  login = { ...(await cloud.tenant("acme-corp", "web")), url: cloud.url };
  folder = mkdtempSync(join(tmpdir(), "photon-installation-"));
  workspace = await Workspace.open(login, vpc);
});

afterAll(async () => {
  workspace.close();
  rmSync(folder, { recursive: true, force: true });
  await cloud.stop();
});

describe("terraform init from a filesystem mirror", () => {
  test("locks the provider, and a project of ES modules around it does no harm", async () => {
    writeFileSync(join(workspace.directory, "package.json"), '{ "type": "module" }');
    expect(readFileSync(join(workspace.directory, ".terraform.lock.hcl"), "utf8")).toContain("h1:");
    workspace.write(vpc + data);
    await workspace.apply();
    expect((await workspace.state())["data.photoncloud_vpc.a"]).toMatchObject({
      cidr: "10.0.0.0/16",
      status: { state: "ready" },
    });
    expect(await workspace.plan()).toEqual({});
    await workspace.destroy();
    // What was answered and kept needs no journal.
    expect(readdirSync(join(workspace.directory, ".terraform/photoncloud/default"))).toEqual([]);
  });

  test("leaves no provider's socket behind", async () => {
    const sockets = join(folder, "sockets");
    mkdirSync(sockets);
    workspace.env.TMPDIR = sockets;
    await workspace.must("validate");
    workspace.env.TMPDIR = tmpdir();
    expect(readdirSync(sockets)).toEqual([]);
  });

  test("says what is missing where there is no Node", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const terraform =
      (process.env.PATH ?? "")
        .split(":")
        .map((d) => join(d, "terraform"))
        .find(existsSync) ?? "";
    symlinkSync(terraform, join(bin, "terraform"));
    const path = workspace.env.PATH ?? "";
    workspace.env.PATH = bin;
    const { code, stderr } = await workspace.run("validate", "-no-color");
    workspace.env.PATH = path;
    expect([code, stderr.replace(/\s+/g, " ")]).toEqual([
      1,
      expect.stringContaining("needs Node.js 20 or newer on PATH"),
    ]);
  });
});

test("dev_overrides run the build in place, without terraform init", async () => {
  const env = { ...workspace.env, TF_CLI_CONFIG_FILE: overrideWithBuild(folder) };
  const fresh = new Workspace(mkdtempSync(join(folder, "dev-")), env);
  fresh.write(vpc);
  expect(await fresh.plan()).toEqual({ "photoncloud_vpc.a": "create" });
});
