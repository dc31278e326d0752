// The network backend damaged behind the cloud's back: what is found, what is repaired, what is left alone.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { simulatedDrivers } from "../../backends/detect.ts";
import type { NetworkObjectId } from "../../backends/network/driver.ts";
import { openSmallCloud, rival, type SmallCloud } from "../testing/small-cloud.ts";
import { compareNetwork, type Findings } from "./comparison.ts";

let cloud: SmallCloud;
beforeEach(async () => {
  cloud = await openSmallCloud({ drivers: simulatedDrivers() });
});
afterEach(() => cloud.stop());

const { signal } = new AbortController();

function compare(): Promise<Findings> {
  const { store, drivers, resources } = cloud;
  return compareNetwork({ store, network: drivers.network, slices: resources.slices }, signal);
}

async function network(name: string, tenant = {}) {
  const vpc = await cloud.make(VpcSchema, { ...tenant, name, cidr: "10.0.0.0/16" });
  const subnet = await cloud.make(SubnetSchema, { ...tenant, name, vpcId: vpc.id, cidr: "10.0.1.0/24" });
  const group = await cloud.make(SecurityGroupSchema, { ...tenant, name });
  const port = await cloud.make(PortSchema, { ...tenant, name, subnetId: subnet.id, securityGroupIds: [group.id] });
  return { vpc, subnet, group, port };
}

/** Compares until nothing is found any more. */
async function repaired(): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { drifted, strays } = await compare();
    if (drifted.length + strays.length === 0) return;
    if (Date.now() > deadline) throw new Error(JSON.stringify({ drifted, strays }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const nothing = { drifted: [], strays: [], foreign: [] };

describe("compareNetwork()", () => {
  test("finds nothing where nothing happened, in any tenant", async () => {
    await network("one");
    await network("two", rival);
    const findings = await compare();
    expect(findings).toMatchObject(nothing);
    expect(findings.objects).toBe((await cloud.drivers.network.inventory()).length);
  });

  test("has the engine repair what was removed and what was changed", async () => {
    const { port, group } = await network("one");
    const before = cloud.drivers.network.snapshot();
    await cloud.drivers.network.remove({ type: "port", id: port.id }, signal);
    const rules = [{ name: "open", direction: "ingress", protocol: "any", remote: { type: "any" } } as const];
    await cloud.drivers.network.ensure({ type: "filter", id: group.id, owner: "acme/alpha", rules }, signal);
    const { drifted, strays } = await compare();
    expect(drifted.map(({ type, id }) => `${type}/${id}`).sort()).toEqual([`filter/${group.id}`, `port/${port.id}`]);
    expect(strays).toEqual([]);
    await repaired();
    expect(cloud.drivers.network.snapshot()).toEqual(before);
  });

  test("fills an emptied backend again", async () => {
    await network("one");
    await network("two", rival);
    const before = cloud.drivers.network.snapshot();
    await cloud.drivers.network.close();
    expect((await compare()).drifted).toHaveLength(Object.keys(before).length);
    await repaired();
    expect(cloud.drivers.network.snapshot()).toEqual(before);
  });

  test("removes what belongs to nothing, in the order in which it stands on each other", async () => {
    const vpcId = "vpc-00000000000000000000000000";
    const id = "subnet-00000000000000000000000000";
    const owner = "acme/alpha";
    const { network: backend } = cloud.drivers;
    await backend.ensure({ type: "router", id: vpcId, owner, cidrs: ["10.0.0.0/16"] }, signal);
    await backend.ensure({ type: "switch", id, vpcId, owner, cidrs: ["10.0.1.0/24"] }, signal);
    const { strays, drifted } = await compare();
    expect(strays).toEqual([
      { type: "switch", id, detail: "removed" },
      { type: "router", id: vpcId, detail: "removed" },
    ]);
    expect(drifted).toEqual([]);
    expect(await backend.inventory()).toEqual([]);
  });

  test("leaves alone what is made while it compares", async () => {
    const { audit } = cloud.drivers.network;
    let made: NetworkObjectId | undefined;
    cloud.drivers.network.audit = async (objects) => {
      const { id } = await cloud.make(VpcSchema, { name: "late", cidr: "10.0.0.0/16" });
      made = { type: "router", id };
      return audit.call(cloud.drivers.network, objects);
    };
    expect(await compare()).toMatchObject(nothing);
    expect(await cloud.drivers.network.inventory()).toContainEqual(made);
  });

  test("says nothing of what the engine is still making", async () => {
    const { ensure } = cloud.drivers.network;
    const held = Promise.withResolvers<void>();
    cloud.drivers.network.ensure = async (object, aborted) => {
      await held.promise;
      return ensure.call(cloud.drivers.network, object, aborted);
    };
    const { id } = await cloud.create(VpcSchema, { name: "slow", cidr: "10.0.0.0/16" });
    expect(await compare()).toMatchObject({ ...nothing, objects: 1 });
    held.resolve();
    await cloud.ready(VpcSchema, id);
  });

  test("has what a resource should not have any more taken away by its engine", async () => {
    const { vpc } = await network("one");
    const { network: backend } = cloud.drivers;
    const outside = { id: "extnet-00000000000000000000000000", owner: "/" };
    await backend.ensure(
      { type: "external-network", ...outside, cidr: "203.0.113.0/24", physicalNetwork: "x" },
      signal,
    );
    await backend.ensure(
      {
        type: "gateway",
        id: vpc.id,
        owner: "acme/alpha",
        externalNetworkId: outside.id,
        macAddress: "0a:00:cb:00:71:0a",
        address: "203.0.113.9/24",
        nextHop: "203.0.113.1",
        cidrs: [],
      },
      signal,
    );
    expect((await compare()).drifted).toEqual([
      { type: "gateway", id: vpc.id, detail: "it should not be there any more" },
    ]);
    await repaired();
    expect(await backend.inventory()).not.toContainEqual({ type: "gateway", id: vpc.id });
  });
});
