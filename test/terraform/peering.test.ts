// Peerings with the real Terraform: both sides in one apply, and each of two tenants with its own.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "./workspace.ts";

let cloud: TestCloud;
const workspaces: Workspace[] = [];

beforeAll(async () => {
  cloud = await startTestCloud();
});

afterAll(async () => {
  for (const workspace of workspaces) workspace.close();
  await cloud.stop();
});

async function open(org: string, hcl: string): Promise<Workspace> {
  const tenant = await cloud.tenant(org, "main");
  const workspace = await Workspace.open({ ...tenant, url: cloud.url }, hcl);
  workspaces.push(workspace);
  return workspace;
}

const vpc = (name: string, n: number) => `
resource "photoncloud_vpc" "${name}" {
  name      = "${name}"
  cidr      = "10.${n}.0.0/16"
  ipv6_cidr = "fd00:${n}::/48"
}
resource "photoncloud_subnet" "${name}" {
  name   = "${name}"
  vpc_id = photoncloud_vpc.${name}.id
}
resource "photoncloud_port" "${name}" {
  name      = "${name}"
  subnet_id = photoncloud_subnet.${name}.id
}
`;
const peering = (name: string, own: string, peer: string) => `
resource "photoncloud_peering" "${name}" {
  name   = "${name}"
  vpc_id = photoncloud_vpc.${own}.id
  ${peer}
}
`;
const both = `${vpc("a", 1)}${vpc("b", 2)}
${peering("ab", "a", "peer_vpc_id = photoncloud_vpc.b.id")}${peering("ba", "b", "peer_vpc_id = photoncloud_vpc.a.id")}`;

test("both sides of one program are made in one apply, stay as they are, and go in one destroy", async () => {
  const workspace = await open("acme", both);
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
  const state = await workspace.state();
  expect(state["photoncloud_port.a"]).toMatchObject({ ip_address: "10.1.0.2", ipv6_address: "fd00:1::3" });
  // What the other side has done is not a change of the program's.
  workspace.write(both.replace('name   = "ab"', 'name   = "renamed"'));
  expect(await workspace.plan()).toEqual({ "photoncloud_peering.ab": "update" });
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
  await workspace.must("destroy", "-auto-approve", "-input=false", "-no-color");
});

test("each of two orgs makes its own side, and takes it away without the other", async () => {
  const ours = await open("left", vpc("main", 1));
  await ours.apply();
  const theirs = await open("right", vpc("main", 2));
  await theirs.apply();
  const idIn = async (workspace: Workspace) => String((await workspace.state())["photoncloud_vpc.main"]?.id);
  const [left, right] = [await idIn(ours), await idIn(theirs)];
  const naming = (org: string, id: string) =>
    peering("link", "main", `peer_org_id = "${org}"\n  peer_project_id = "main"\n  peer_vpc_id = "${id}"`);
  ours.write(vpc("main", 1) + naming("right", right));
  await ours.apply();
  theirs.write(vpc("main", 2) + naming("left", left));
  await theirs.apply();
  expect([await ours.plan(), await theirs.plan()]).toEqual([{}, {}]);
  await ours.must("destroy", "-auto-approve", "-input=false", "-no-color");
  expect(await theirs.plan()).toEqual({});
});
