// The host's ends of a machine's NICs: taps that its user may open, plugged into their ports.
import type { Starter } from "../../linux/starter.ts";
import type { Connection, HostNetwork } from "../../network/host-network.ts";
import type { MachineSpec, NicSpec } from "../driver.ts";
import { shortOf } from "./layout.ts";
import { run } from "./programs.ts";

/** How long a new process's taps may take, in milliseconds. */
const longestMs = 20_000;

/** A device's name: at most 15 bytes (Linux, IFNAMSIZ). */
export function tapOf({ vmId }: Pick<MachineSpec, "vmId">, { id }: Pick<NicSpec, "id">): string {
  return `pt${shortOf(`${vmId}/${id}`)}`;
}

export class Taps {
  readonly #network: HostNetwork;
  constructor(network: HostNetwork) {
    this.#network = network;
  }

  get namespace(): string | undefined {
    return this.#network.namespace;
  }

  async make(name: string, nic: NicSpec, uid: number | undefined, signal: AbortSignal): Promise<void> {
    await this.create(name, uid, signal);
    await this.plug(name, nic, signal);
  }

  /**
   * Taps for a new process, in no port. Those that are there already are an earlier start's that was cut short, or of a process that has ended: they
   * give way. @param starter in the host's network. @throws DriverError "refused"
   */
  async createNew(starter: Starter, names: readonly string[], uid: number | undefined): Promise<void> {
    if (names.length === 0) return;
    const signal = AbortSignal.timeout(longestMs);
    const ip = { words: ["ip", "-batch", "-"], input: names.map((name) => creating(name, uid)).join(""), env: {} };
    for (const name of names) await this.unplug(name, signal);
    const made = await starter.run(ip, signal).catch(() => undefined);
    if (made?.code !== 0) for (const name of names) await this.create(name, uid, signal);
  }

  /** A tap that is in no port yet. One that is there is another start's; where there is none, the first command leaves none. */
  async create(name: string, uid: number | undefined, signal: AbortSignal): Promise<void> {
    await this.#network.unplug(name, signal);
    await this.#ip(["-batch", "-"], signal, `tuntap del dev ${name} mode tap\n${creating(name, uid)}`);
  }

  async plug(name: string, { portId }: NicSpec, signal: AbortSignal): Promise<void> {
    await this.#network.plug({ name, portId }, signal);
  }

  async unplug(name: string, signal: AbortSignal): Promise<void> {
    await this.#network.unplug(name, signal);
  }

  connections({ portId }: NicSpec, signal: AbortSignal): Promise<readonly Connection[]> {
    return this.#network.connections(portId, signal);
  }

  adopt({ portId }: NicSpec, connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    return this.#network.adopt(portId, connections, signal);
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    await this.#network.unplug(name, signal);
    await this.#ip(["tuntap", "del", "dev", name, "mode", "tap"], signal).catch(() => {});
  }

  #ip(args: readonly string[], signal: AbortSignal, input?: string): Promise<string> {
    return run("ip", [...this.#place(), ...args], signal, input);
  }

  #place(): readonly string[] {
    const { namespace } = this.#network;
    return namespace === undefined ? [] : ["-n", namespace];
  }
}

function creating(name: string, uid: number | undefined): string {
  const owner = uid === undefined ? "" : ` user ${uid}`;
  return `tuntap add dev ${name} mode tap${owner}\nlink set dev ${name} up\n`;
}
