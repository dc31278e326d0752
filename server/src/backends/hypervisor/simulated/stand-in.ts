// What answers in the place of one simulated machine on a real network: a network namespace with a device in each of the machine's ports,
// addresses by DHCP, and a web page on port 80 that says the machine's name.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand, systemEnv } from "../../linux/command.ts";
import { addNamespace, inside, ip, ipForced, removeNamespace, writeChecksums } from "../../linux/namespaces.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { MachineSpec, NicSpec } from "../driver.ts";

export interface StandInParts {
  readonly host: HostNetwork;
  /** Where pages are kept. */
  readonly dir: string;
}

const script = join(import.meta.dirname, "../../linux/lease.sh");

/** What stand-ins' namespaces begin with on a host: by it those of an earlier run are found. */
export function standInPrefix({ namespace }: Pick<HostNetwork, "namespace">): string {
  return `${namespace ?? "photon"}-vm-`;
}

/** The host's end of a port's wire: at most 15 bytes (Linux, IFNAMSIZ). */
export function wireOf(portId: string): string {
  return `sm${createHash("sha256").update(portId).digest("hex").slice(0, 12)}`;
}

export class StandIn {
  readonly namespace: string;
  readonly #spec: MachineSpec;
  readonly #parts: StandInParts;
  #page: ChildProcess | undefined;

  constructor(spec: MachineSpec, parts: StandInParts) {
    this.namespace = `${standInPrefix(parts.host)}${spec.vmId.replace(/^vm-/, "")}`;
    this.#spec = spec;
    this.#parts = parts;
  }

  /** Makes it; each step may be done again. @throws Error, DriverError */
  async start(signal: AbortSignal): Promise<void> {
    await this.#clear(signal);
    await addNamespace(this.namespace);
    for (const [index, nic] of this.#spec.nics.entries()) await this.#plug(nic, `eth${index}`, signal);
    await this.#servePage();
    for (const index of this.#spec.nics.keys()) await this.#lease(`eth${index}`, signal);
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#page?.kill("SIGKILL");
    await this.#clear(signal);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #folder(): string {
    return join(this.#parts.dir, this.#spec.vmId);
  }

  /** What fails keeps nothing else from going. */
  async #clear(signal: AbortSignal): Promise<void> {
    const { host } = this.#parts;
    const wires = this.#spec.nics.map(({ portId }) => wireOf(portId));
    const unplugged = await Promise.allSettled(wires.map((wire) => host.unplug(wire, signal)));
    await removeNamespace(this.namespace);
    if (wires.length > 0) await ipForced(host.namespace, ...wires.map((wire) => `link del ${wire}`));
    for (const outcome of unplugged) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #plug({ portId, macAddress }: NicSpec, device: string, signal: AbortSignal): Promise<void> {
    const { host } = this.#parts;
    const wire = wireOf(portId);
    const peer = `peer name ${device} netns ${this.namespace}`;
    await ip(host.namespace, `link add ${wire} type veth ${peer}`, `link set ${wire} addrgenmode none up`);
    await ip(this.namespace, `link set ${device} address ${macAddress} up`);
    await writeChecksums(this.namespace, device);
    await host.plug({ name: wire, portId }, signal);
  }

  /** @throws Error without an answer: flows are programmed a moment after the device is plugged in. */
  async #lease(device: string, signal: AbortSignal): Promise<void> {
    const words = ["busybox", "udhcpc", "-i", device, "-n", "-q", "-f", "-t", "10", "-T", "1", "-s", script];
    const options = ["mtu", "staticroutes"].flatMap((option) => ["-O", option]);
    const [program = "", ...args] = inside(this.namespace, ...words, ...options);
    const { code } = await runCommand(program, args, { timeoutMs: 20_000, signal });
    if (code !== 0) throw new Error(`${this.#spec.vmId} got no address by DHCP on ${device}`);
  }

  async #servePage(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, "index.html"), `${this.#spec.hostname}\n`);
    const words = inside(this.namespace, "busybox", "httpd", "-f", "-p", "[::]:80", "-h", this.#folder);
    this.#page = spawn("setpriv", ["--pdeathsig", "KILL", ...words], {
      stdio: "ignore",
      detached: true,
      env: systemEnv(),
    });
    // A machine without its page still answers pings.
    this.#page.on("error", () => {});
  }
}
