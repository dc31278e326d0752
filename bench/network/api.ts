// Ports made as users make them: calls of the SDK to a server in a process of its own, which drives an OVN.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PhotonCloud } from "@photoncloud/sdk";
import type { LocalOvn } from "./local-ovn.ts";
import { batchSize } from "./rows.ts";

/** Calls at a time: what a large deployment has under way. */
const callers = 64;
const portsPerSubnet = 100;
const warmRounds = 4;
const warmPorts = 250;

/** Where a port is made. */
interface Place {
  readonly subnetId: string;
  readonly securityGroupIds: string[];
}

interface Served {
  readonly url: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly token: string;
}

/** Milliseconds from the first port's call. */
export interface Took {
  /** Until all calls were answered. */
  readonly calls: number;
  /** Until all ports are at work. */
  readonly all: number;
}

/** Makes a VPC with subnets and a group, and then ports, each with a device. */
export async function portsThroughApi(ovn: LocalOvn, count: number): Promise<Took> {
  const server = fork(join(import.meta.dirname, "api-server.ts"), [ovn.northbound, ovn.southbound], {
    execArgv: ["--conditions=photon-source"],
  });
  try {
    const [served]: Served[] = await once(server, "message");
    if (served === undefined) throw new Error("the server did not start");
    const { url, orgId: org, projectId: project, token } = served;
    return await measured(new PhotonCloud({ endpoint: url, credentials: { token }, org, project }), ovn, count);
  } finally {
    const gone = once(server, "exit");
    server.disconnect();
    await gone;
  }
}

async function measured(cloud: PhotonCloud, ovn: LocalOvn, count: number): Promise<Took> {
  await warmUp(cloud);
  const { vpcId, places } = await placesFor(cloud, count);
  const stop = new AbortController();
  const ready = plugAndWatch(cloud, ovn, count, stop.signal);
  const start = performance.now();
  await createAll(cloud, places);
  const calls = performance.now() - start;
  await ready;
  stop.abort();
  await programmed(cloud, vpcId);
  return { calls, all: performance.now() - start };
}

/** As a server that has run for a while: its code is compiled. What it takes is gone again afterwards. */
async function warmUp(cloud: PhotonCloud): Promise<void> {
  const wait = { wait: "settled" } as const;
  const { id: vpcId } = await cloud.vpcs.create({ name: "warm-up", cidr: "10.0.0.0/8" });
  const { id: subnetId } = await cloud.subnets.create({ name: "warm-up", vpcId, cidr: "10.0.0.0/16" }, wait);
  for (let round = 0; round < warmRounds; round++) {
    const ids = await createAll(cloud, Array<Place>(warmPorts).fill({ subnetId, securityGroupIds: [] }));
    await Promise.all(ids.map((id) => cloud.ports.delete(id, wait)));
  }
  await cloud.subnets.delete(subnetId, wait);
  await cloud.vpcs.delete(vpcId, wait);
}

/** Answers the ids. */
async function createAll(cloud: PhotonCloud, places: readonly Place[]): Promise<string[]> {
  const ids: string[] = [];
  const queue = places.entries();
  const call = async () => {
    for (const [index, place] of queue) ids.push((await cloud.ports.create({ name: `vm-${index}`, ...place })).id);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return ids;
}

/** A VPC with subnets and a group whose members reach each other. Answers what each port is made with. */
async function placesFor(cloud: PhotonCloud, count: number) {
  const { id: vpcId } = await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/8" });
  const { id: groupId } = await cloud.securityGroups.create({
    name: "web",
    rules: { ssh: { direction: "ingress", protocol: "tcp", portRange: { first: 22 } } },
  });
  await cloud.securityGroups.addRule(groupId, {
    name: "each-other",
    rule: { direction: "ingress", remoteGroupId: groupId },
  });
  const subnets = await Promise.all(
    Array.from({ length: Math.ceil(count / portsPerSubnet) }, (_, index) =>
      cloud.subnets.create({ name: `subnet-${index}`, vpcId, cidr: `10.0.${index}.0/24` }, { wait: "settled" }),
    ),
  );
  const places = subnets.flatMap(({ id: subnetId }) =>
    Array.from({ length: portsPerSubnet }, () => ({ subnetId, securityGroupIds: [groupId] })),
  );
  await programmed(cloud, vpcId);
  return { vpcId, places: places.slice(0, count) };
}

/** Gives new ports devices, in the batches in which the bare client does. Resolves when all are ready. */
async function plugAndWatch(cloud: PhotonCloud, ovn: LocalOvn, count: number, signal: AbortSignal): Promise<void> {
  const ready = new Set<string>();
  const plugs: Promise<void>[] = [];
  const created: string[] = [];
  for await (const event of cloud.ports.watch({ signal })) {
    if (event.change === "bookmark") continue;
    const { id, status } = event.resource;
    if (event.change === "created") created.push(id);
    if (created.length === batchSize) plugs.push(ovn.plug(created.splice(0)));
    if (status.state === "ready") ready.add(id);
    if (ready.size === count) break;
  }
  await Promise.all([...plugs, ovn.plug(created)]);
}

/** An answer is held back for 30 seconds at most, which a busy machine's host may exceed. */
async function programmed(cloud: PhotonCloud, vpcId: string): Promise<void> {
  let reached = "";
  while (reached !== "programmed")
    await cloud.vpcs.update(vpcId, { labels: {} }, { wait: "programmed", onReceipt: (receipt) => (reached = receipt) });
}
