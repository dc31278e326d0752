// The tenant's path with the real Terraform: networks, a security group and machines, from nothing to nothing.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { type Login, Workspace } from "./workspace.ts";

let cloud: TestCloud;
let tenant: TestTenant;
let login: Login;
const workspaces: Workspace[] = [];

beforeAll(async () => {
  cloud = await startTestCloud();
  tenant = await cloud.tenant("acme-corp", "project-alpha");
  login = { ...tenant, url: cloud.url };
});

afterAll(async () => {
  for (const workspace of workspaces) workspace.close();
  await cloud.stop();
});

async function open(hcl: string, as: Login = login): Promise<Workspace> {
  const workspace = await Workspace.open(as, hcl);
  workspaces.push(workspace);
  return workspace;
}

const network = (name: string, web = "80") => `
resource "photoncloud_vpc" "main" {
  name = "${name}"
  cidr = "10.0.0.0/16"
}
resource "photoncloud_subnet" "web" {
  name    = "${name}-web"
  vpc_id  = photoncloud_vpc.main.id
  cidr    = "10.0.1.0/24"
}
resource "photoncloud_security_group" "web" {
  name  = "${name}-web"
  rules = {
    http = { direction = "ingress", protocol = "tcp", port_range = { first = ${web} }, remote_cidr = "0.0.0.0/0" }
  }
}
resource "photoncloud_port" "web" {
  name               = "${name}-web"
  subnet_id          = photoncloud_subnet.web.id
  security_group_ids = [photoncloud_security_group.web.id]
}
resource "photoncloud_vm" "web" {
  name = "${name}-web"
  spec = {
    cpu     = 2
    network = [{ id = "eth0", port_id = photoncloud_port.web.id }]
  }
  lifecycle {
    replace_triggered_by = [photoncloud_port.web.id]
  }
}
`;

describe("a network with a machine", () => {
  test("is made, stays as it is, is changed and replaced, and is taken away again", async () => {
    const workspace = await open(network("life"));
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    const state = await workspace.state();
    expect(state["photoncloud_port.web"]?.ip_address).toMatch(/^10\.0\.1\.\d+$/);
    expect(state["photoncloud_vm.web"]?.spec).toMatchObject({
      cpu: 2,
      network: [{ ip_address: state["photoncloud_port.web"]?.ip_address }],
    });

    workspace.write(network("life", "443"));
    expect(await workspace.plan()).toEqual({ "photoncloud_security_group.web": "update" });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});

    workspace.write(network("life", "443").replace("10.0.1.0/24", "10.0.2.0/24"));
    expect(await workspace.plan()).toMatchObject({
      "photoncloud_subnet.web": "replace",
      "photoncloud_port.web": "replace",
    });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    await workspace.destroy();
    expect(await workspace.state()).toEqual({});
  });
});
