// The host's ends of a machine's NICs: taps that its user may open, plugged into their ports.
import type { Start } from "../../linux/starter-scripts.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { MachineSpec, NicSpec } from "../driver.ts";
import { shortOf } from "./layout.ts";
import { run } from "./programs.ts";

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

  /** What makes taps that are not there yet, in no port, where it is done in the host's network. Undefined: it makes none. */
  creation(names: readonly string[], uid: number | undefined): Start["first"] {
    if (names.length === 0) return undefined;
    return { words: ["ip", "-batch", "-"], input: names.map((name) => creating(name, uid)).join("") };
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
