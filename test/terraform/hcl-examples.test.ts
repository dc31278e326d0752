// The examples in HCL, as their READMEs say.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "./workspace.ts";

let cloud: TestCloud;
let workspace: Workspace;

beforeAll(async () => {
  cloud = await startTestCloud();
  workspace = await Workspace.open({ ...(await cloud.tenant("acme-corp", "web")), url: cloud.url }, "");
});

afterAll(async () => {
  workspace.close();
  await cloud.stop();
});

test("quickstart-hcl applies, plans empty and goes away", async () => {
  cpSync("examples/quickstart-hcl/main.tf", join(workspace.directory, "main.tf"));
  const said = await workspace.apply();
  expect(said).toContain("Apply complete! Resources: 9 added");
  expect(said).toMatch(/app_address = "10\.0\.1\.\d+"/);
  expect(await workspace.plan()).toEqual({});
  await workspace.destroy();
  expect(await workspace.state()).toEqual({});
}, 120_000);

test("outside-hcl applies, plans empty, moves its elastic IP and goes away", async () => {
  cpSync("examples/outside-hcl/main.tf", join(workspace.directory, "main.tf"));
  const said = await workspace.apply();
  expect(said).toContain("Apply complete! Resources: 8 added");
  expect(said).toMatch(/web_address = +"203\.0\.113\.\d+"/);
  expect(said).toMatch(/egress_address = +"203\.0\.113\.\d+"/);
  expect(await workspace.plan()).toEqual({});
  const hcl = readFileSync("examples/outside-hcl/main.tf", "utf8");
  const moved = hcl.replace("port_id = photoncloud_port.web.id", "port_id = photoncloud_port.vpn.id");
  writeFileSync(join(workspace.directory, "main.tf"), moved);
  expect(await workspace.plan()).toEqual({ "photoncloud_elastic_ip.web": "update" });
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
  await workspace.destroy();
  expect(await workspace.state()).toEqual({});
}, 120_000);
