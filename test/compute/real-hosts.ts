// A cloud of real hosts on one machine: an OVN of its own with two chassis, which tunnel to each other by Geneve; a server that only directs; and on
// each chassis an agent, a process of its own, that drives QEMU.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tinyImage } from "../../scripts/images/tiny.ts";
import { machineFolders } from "../../server/src/backends/hypervisor/folders.ts";
import { readDefinition, readRunning } from "../../server/src/backends/hypervisor/qemu/definition.ts";
import {
  imagesFolder,
  type MachineFiles,
  machineFiles,
  machinesFolder,
} from "../../server/src/backends/hypervisor/qemu/layout.ts";
import { kill, type ProcessIdentity } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { namespaces } from "../../server/src/backends/linux/namespaces.ts";
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";
import { startPrivateOvn } from "../../server/src/backends/network/ovn/private/start.ts";
import { createTenant } from "../../server/src/testing/tenants.ts";
import { Hands } from "../scenarios/calls.ts";
import { type AgentHost, Field, type Photon } from "./agents.ts";
import { guestPatienceMs, said, untilSaid } from "./guest-cloud.ts";
import { Line } from "./line.ts";

/** A chassis with an agent and what there is of its machines. */
export class RealHost {
  readonly agentHost: AgentHost;
  /** The network namespace of its Open vSwitch. */
  readonly namespace: string;
  readonly machines: string;
  /** By which servers and other hosts reach it. */
  readonly line: Line;
  agent: Photon | undefined;

  constructor(parts: Pick<RealHost, "agentHost" | "namespace" | "machines" | "line">) {
    this.agentHost = parts.agentHost;
    this.namespace = parts.namespace;
    this.machines = parts.machines;
    this.line = parts.line;
  }

  get name(): string {
    return this.agentHost.name;
  }

  files(vmId: string): MachineFiles {
    return machineFiles(machineFolders(this.agentHost.dataDir, this.machines), vmId);
  }

  process(vmId: string): ProcessIdentity | undefined {
    return readRunning(this.files(vmId))?.process;
  }

  says(vmId: string, words: RegExp, times = 1): Promise<RegExpExecArray> {
    return untilSaid(this.files(vmId).consoleLog, words, times);
  }

  /** Resolves when it is said once more than until now. */
  saysAgain(vmId: string, words: RegExp): Promise<RegExpExecArray> {
    return this.says(vmId, words, said(this.files(vmId).consoleLog, words).length + 1);
  }

  /** The names of its network devices, one a line. */
  async devices(): Promise<string> {
    return (await runCommand("ip", ["-n", this.namespace, "-o", "link"])).stdout;
  }

  /** The files of the images that it has. */
  images(): readonly string[] {
    return readdirSync(imagesFolder(machineFolders(this.agentHost.dataDir, this.machines)));
  }

  /** The machines that it has anything of. */
  async remains(): Promise<readonly string[]> {
    const folders = machineFolders(this.agentHost.dataDir, this.machines);
    const taps = (await this.devices()).match(/\bpt\w+/g) ?? [];
    const parts = readdirSync(this.machines, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.includes(".part"),
    );
    return [...readdirSync(machinesFolder(folders)), ...taps, ...parts, ...this.#processes()];
  }

  /** Programs that work in its folders, the agent apart. */
  #processes(): readonly string[] {
    return readdirSync("/proc").flatMap((pid) => {
      const words = commandOf(pid);
      return words.includes(this.machines) && !words.includes("agent\0run") ? [`${pid} ${words.slice(0, 40)}`] : [];
    });
  }

  /** The namespaces in which its agent answers guests. */
  async services(): Promise<readonly string[]> {
    return (await namespaces()).filter((name) => name.startsWith(`${this.namespace}-s-`));
  }
}

function commandOf(pid: string): string {
  try {
    return /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
  } catch {
    return "";
  }
}

export interface RealHostsTerms {
  /** What there is for the machines and images of each host. Default: what this machine has. */
  readonly diskMib?: number;
}

export class RealHosts {
  readonly field: Field;
  readonly ovn: PrivateOvn;
  readonly hosts: readonly RealHost[];
  readonly #dir: string;
  readonly #terms: RealHostsTerms;

  constructor(dir: string, ovn: PrivateOvn, field: Field, hosts: readonly RealHost[], terms: RealHostsTerms) {
    this.#dir = dir;
    this.#terms = terms;
    this.ovn = ovn;
    this.field = field;
    this.hosts = hosts;
  }

  /** Starts its agent, or starts it again; resolves when the server hears of it. */
  async run(host: RealHost): Promise<void> {
    host.agent = await this.field.runAgent(host.agentHost);
    await this.field.hostIs(host.agentHost.name, "READY");
  }

  /** New machines are placed on this host alone. */
  async placeOn(host: RealHost): Promise<void> {
    for (const { agentHost } of this.hosts)
      await this.field.schedulable(agentHost.name, agentHost.name === host.agentHost.name);
  }

  async tenant(org: string): Promise<Hands> {
    const made = await createTenant(this.field.url, this.field.token, org, "project-alpha");
    return new Hands(this.field.url, made, guestPatienceMs);
  }

  /** Ends everything, also machines that outlive their agents, and takes all of it away. */
  async stop(): Promise<void> {
    for (const { agent } of this.hosts) await agent?.kill("SIGTERM");
    for (const host of this.hosts) endMachines(host);
    await this.field.stop();
    for (const host of this.hosts) {
      host.line.close();
      if (this.#terms.diskMib !== undefined) await runCommand("umount", ["-l", host.machines]);
    }
    await this.ovn.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Starts all of it, with both agents joined and running. The server has the tiny image, and its hosts have none. */
export async function startRealHosts(terms: RealHostsTerms = {}): Promise<RealHosts> {
  const images = ".photon/images";
  tinyImage(images);
  const dir = mkdtempSync("/tmp/p");
  // Each machine runs as a user of its own, who must be able to reach its files.
  chmodSync(dir, 0o711);
  const ovn = await startPrivateOvn({ dir, name: `t${randomBytes(2).toString("hex")}`, hosts: 2 });
  const network = ["--network", "ovn", "--ovn-northbound", ovn.northbound, "--ovn-southbound", ovn.southbound];
  const field = new Field({ backends: [...network, "--hypervisor", "simulated", "--images", images] });
  const hosts: RealHost[] = [];
  const all = new RealHosts(dir, ovn, field, hosts, terms);
  try {
    await field.startServer();
    await field.schedulable("local", false);
    for (const [index, name] of ["one", "two"].entries()) {
      const host = await joinHost(all, dir, index, name, terms);
      hosts.push(host);
      await all.run(host);
    }
    return all;
  } catch (error) {
    await all.stop();
    throw error;
  }
}

async function joinHost(
  { field, ovn }: RealHosts,
  dir: string,
  index: number,
  name: string,
  { diskMib }: RealHostsTerms,
): Promise<RealHost> {
  const chassis = ovn.hosts[index];
  if (chassis?.namespace === undefined) throw new Error(`there is no chassis ${index}`);
  const { database, namespace } = chassis;
  const machines = join(dir, `m${index}`);
  mkdirSync(machines, { mode: 0o711 });
  if (diskMib !== undefined)
    await runCommand("mount", ["-t", "tmpfs", "-o", `size=${diskMib}m,mode=711`, "tmpfs", machines]);
  const network = ["--ovs-database", database, "--ovs-namespace", namespace, "--ovn-southbound", ovn.southbound];
  const listening = await field.newHost(name, ["--hypervisor", "qemu", "--machines", machines, ...network]);
  const line = await Line.open(Number(listening.address.split(":")[1]));
  const host = { ...listening, listen: listening.address, address: line.address };
  const [code, said] = await field.join(host, await field.drawToken());
  if (code !== 0) throw new Error(`host ${name} could not join: ${said}`);
  return new RealHost({ agentHost: host, namespace, machines, line });
}

function endMachines({ machines, agentHost }: RealHost): void {
  const folders = machineFolders(agentHost.dataDir, machines);
  const folder = machinesFolder(folders);
  for (const vmId of existsSync(folder) ? readdirSync(folder) : []) {
    const files = machineFiles(folders, vmId);
    const running = readRunning(files);
    const definition = readDefinition(files);
    if (running !== undefined && definition !== undefined) kill(running.process, definition.uuid);
  }
}
