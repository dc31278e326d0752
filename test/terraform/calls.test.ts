// How often a plan that finds nothing to do asks the cloud: once for each page of each kind.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { between, doneBy } from "../../bench/terraform/server-figures.ts";
import { type Reattached, reattach } from "./reattached.ts";
import { Workspace } from "./workspace.ts";

/** Of each kind: more than Terraform reads at a time. */
const count = 12;
const networks = `
resource "photoncloud_vpc" "all" {
  count = ${count}
  name  = "net-\${count.index}"
  cidr  = "10.\${count.index}.0.0/16"
}
resource "photoncloud_subnet" "all" {
  count  = ${count}
  name   = "sub-\${count.index}"
  vpc_id = photoncloud_vpc.all[count.index].id
  cidr   = "10.\${count.index}.1.0/24"
}
resource "photoncloud_port" "all" {
  count     = ${count}
  name      = "port-\${count.index}"
  subnet_id = photoncloud_subnet.all[count.index].id
}
`;
const kinds = 3;

let cloud: TestCloud;
let provider: Reattached;
let workspace: Workspace;

beforeAll(async () => {
  cloud = await startTestCloud();
  const login = { ...(await cloud.tenant("acme", "main")), url: cloud.url };
  provider = await reattach(login);
  workspace = await Workspace.open(login, networks, provider.env);
  await workspace.apply();
}, 120_000);

afterAll(async () => {
  workspace.close();
  provider.close();
  await cloud.stop();
});

test("a plan that finds nothing to do asks once for each page of each kind", async () => {
  const asked: number[] = [];
  // On a busy machine the first read of a kind may come so long before the second that it is asked for alone: the best of three counts.
  for (let turn = 0; turn < 3; turn++) {
    const before = await doneBy(cloud.url);
    expect(await workspace.plan()).toEqual({});
    asked.push(between(before, await doneBy(cloud.url)).calls);
  }
  expect(Math.min(...asked)).toBe(kinds);
  expect(Math.max(...asked)).toBeLessThanOrEqual(2 * kinds);
});
