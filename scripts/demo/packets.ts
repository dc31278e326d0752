// Shows that the cloud's network is real: packets between the two machines that were deployed, and from outside. What a machine sees is asked
// on its console; where no guests run, in the network namespaces that answer in their place.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { PhotonCloud, Vm } from "@photoncloud/sdk";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { howToGetOvn } from "../../server/src/backends/network/ovn/private/missing.ts";
import { Guest, type GuestPlace } from "./guests.ts";

/** Where the server's own OVN is, as it wrote it. */
interface Network {
  readonly hosts: readonly { readonly namespace: string }[];
  /** The namespace of what is outside; null: this machine itself. */
  readonly outside: string | null;
}

/** Someone who asks over the network. */
interface Asker {
  readonly name: string;
  /** Runs a program; answers what it printed, "" if it failed. */
  readonly run: (words: readonly string[]) => Promise<string>;
}

interface Machine extends Asker {
  readonly address: string;
  readonly portId: string;
}

/** How long something may take that is on its way: a lease, a route. Milliseconds. */
const patienceMs = 20_000;

/** How long one question may take; what filters drop is not answered at all. Milliseconds. */
const askMs = 3_000;

/** Undefined: the network is simulated. */
function networkOf(data: string): Network | undefined {
  const file = join(data, "network.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** The cloud that is shown. */
export interface Stage {
  /** The server's data folder. */
  readonly data: string;
  readonly guests: GuestPlace;
  readonly cloud: PhotonCloud;
}

/** Sends packets, or says why none can be sent. @throws Error if one goes where it should not, or does not come. */
export async function showPackets(stage: Stage): Promise<void> {
  const network = networkOf(stage.data);
  if (network === undefined) {
    console.log("  This network is simulated: its rules are worked out, but no packet moves. For a real one:");
    console.log(`  sudo ${howToGetOvn}`);
    console.log("  and run the demo again as root; then the server starts an OVN of its own.");
    return;
  }
  const [web, app] = await Promise.all([machine(stage, network, "web"), machine(stage, network, "app")]);
  await expectAnswer(app, "ping", web.address, "0% packet loss");
  await expectAnswer(app, "page", web.address, "web");
  await expectSilence(web, app.address);
  await showFromOutside(network, stage.cloud, web);
}

async function machine(stage: Stage, network: Network, name: string): Promise<Machine> {
  const vms = await Array.fromAsync(stage.cloud.vms.list());
  const vm = vms.find((one) => one.name === name);
  const ports = await Array.fromAsync(stage.cloud.ports.list());
  const port = ports.find((one) => one.deviceId === vm?.id);
  if (vm === undefined || port?.ipAddress === undefined) throw new Error(`the machine ${name} is not there`);
  return { name, address: port.ipAddress, portId: port.id, run: await insideOf(stage, network, vm) };
}

/** How programs are run in a machine; waits until it has booted. */
async function insideOf({ data, guests }: Stage, { hosts }: Network, vm: Vm): Promise<Asker["run"]> {
  if (guests.machines === undefined || vm.status?.backend !== "qemu")
    return inNamespace(`${hosts[0]?.namespace}-vm-${vm.id.replace(/^vm-/, "")}`);
  const guest = new Guest(data, guests.machines, vm.id);
  console.log(`  ${vm.name}'s console: ${await guest.booted()}`);
  return (words) => guest.run(words);
}

const asks = {
  ping: (address: string) => ["busybox", "ping", "-c", "1", "-W", "1", address],
  page: (address: string) => ["busybox", "wget", "-q", "-O", "-", `http://${address}/`],
};

/** Runs programs in a namespace; on this machine itself where there is none. */
function inNamespace(namespace: string | null): Asker["run"] {
  return async (words) => {
    const [program = "", ...args] = namespace === null ? words : ["ip", "netns", "exec", namespace, ...words];
    const { code, stdout } = await runCommand(program, args, { timeoutMs: askMs });
    return code === 0 ? stdout : "";
  };
}

async function expectAnswer(from: Asker, what: keyof typeof asks, address: string, answer: string): Promise<void> {
  const words = asks[what](address);
  for (const end = Date.now() + patienceMs; Date.now() < end; await wait(200)) {
    const said = await from.run(words);
    if (!said.includes(answer)) continue;
    const line = said.split("\n").find((one) => /bytes from|web$/.test(one)) ?? said;
    console.log(`  ${from.name}$ ${words.join(" ")}\n    ${line.trim()}`);
    return;
  }
  throw new Error(`${from.name} got no answer from ${address}`);
}

async function expectSilence(from: Asker, address: string): Promise<void> {
  const words = asks.page(address);
  if ((await from.run(words)) !== "") throw new Error(`${from.name} was let in where no rule lets it`);
  console.log(`  ${from.name}$ ${words.join(" ")}\n    no answer: app lets web in on port 8080 alone`);
}

/** Joins the VPC to the external network for a moment, and asks for the page by an elastic IP. */
async function showFromOutside(network: Network, cloud: PhotonCloud, { portId }: Machine): Promise<void> {
  const [vpc] = await Array.fromAsync(cloud.vpcs.list());
  if (vpc === undefined) throw new Error("the VPC that was deployed is not there");
  const outside = { name: "outside", run: inNamespace(network.outside) };
  await cloud.vpcs.update(vpc.id, { externalNetworkId: "external" });
  await cloud.vpcs.waitUntilReady(vpc.id);
  const { id } = await cloud.elasticIps.create({ name: "web", portId });
  const { address } = await cloud.elasticIps.waitUntilReady(id);
  await expectAnswer(outside, "page", address ?? "", "web");
  await cloud.elasticIps.delete(id);
  await cloud.elasticIps.waitUntilGone(id);
  await cloud.vpcs.update(vpc.id, { externalNetworkId: null });
  await cloud.vpcs.waitUntilReady(vpc.id);
}
