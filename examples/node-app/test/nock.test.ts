// The service against single answers, by nock: what it sends, call by call.
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { PhotonCloud } from "@photoncloud/sdk";
import { errorReply, listReply, resourceReply } from "@photoncloud/sdk/testing";
import nock from "nock";
import { Environments } from "../src/environments.ts";

const endpoint = "http://cloud.test";
const environments = new Environments(
  new PhotonCloud({ endpoint, credentials: { token: "test" }, org: "acme-corp", project: "project-alpha", retries: 0 }),
);

beforeEach(() => nock.disableNetConnect());
// Jest shares Node's own modules between test files: without this, files that run later would still go through nock.
afterAll(() => nock.restore());
afterEach(() => {
  expect(nock.isDone()).toBe(true);
  nock.cleanAll();
  nock.enableNetConnect();
});

const tenant = { orgId: "acme-corp", projectId: "project-alpha" };
const vm = {
  id: "vm-1",
  name: "blue",
  state: "running",
  spec: {
    cpu: 1,
    memory: 512,
    disks: [],
    network: [],
    sshKeys: [],
    bootOrder: [],
    placementGroupIds: [],
    hostLabels: {},
  },
} as const;

test("create() asks for each resource in turn, and takes the network that is there", async () => {
  const labels = { "managed-by": "environments" };
  const byName = { ...tenant, pageToken: "", filter: 'name = "blue"' };
  nock(endpoint)
    .post("/prismnet.v1.VpcService/ListVpcs", byName)
    .reply(...listReply("vpcs", [{ id: "vpc-1", name: "blue" }]));
  nock(endpoint)
    .post("/prismnet.v1.SubnetService/ListSubnets", byName)
    .reply(...listReply("subnets", []));
  nock(endpoint)
    .post("/prismnet.v1.SubnetService/CreateSubnet", {
      ...tenant,
      name: "blue",
      vpcId: "vpc-1",
      cidr: "10.0.0.0/24",
      labels,
    })
    .reply(...resourceReply("subnets", { id: "subnet-1", name: "blue" }));
  nock(endpoint)
    .post("/prismnet.v1.PortService/ListPorts", byName)
    .reply(...listReply("ports", [{ id: "port-1", name: "blue" }]));
  nock(endpoint)
    .post("/plasmavmc.v1.VmService/ListVms", byName)
    .reply(...listReply("vms", []));
  const spec = { cpu: 1, network: [{ id: "eth0", portId: "port-1" }] };
  nock(endpoint)
    .post("/plasmavmc.v1.VmService/CreateVm", { ...tenant, name: "blue", labels, spec })
    .reply(...resourceReply("vms", vm));
  nock(endpoint)
    .post("/plasmavmc.v1.VmService/GetVm", { ...tenant, id: "vm-1" })
    .reply(...resourceReply("vms", vm));
  expect(await environments.create({ name: "blue" })).toMatchObject({ name: "blue", state: "running" });
});

test("get() finds nothing where there is nothing", async () => {
  nock(endpoint)
    .post("/plasmavmc.v1.VmService/ListVms")
    .reply(...listReply("vms", []));
  expect(await environments.get("blue")).toBeUndefined();
});

test("create() passes on that there is no address left", async () => {
  nock(endpoint)
    .post("/prismnet.v1.VpcService/ListVpcs")
    .reply(...errorReply("resource_exhausted", "the subnet is full", { reason: "OUT_OF_ADDRESSES" }));
  await expect(environments.create({ name: "blue" })).rejects.toMatchObject({ reason: "OUT_OF_ADDRESSES" });
});
