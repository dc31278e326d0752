// A bare QEMU: the words that ours was started with, on copies of its files, with nobody around it.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../server/src/backends/linux/command.ts";
import type { HostNetwork } from "../../server/src/backends/network/host-network.ts";
import { openHostNetwork } from "../../server/src/backends/network/ovn/chassis/open-vswitch.ts";
import type { GuestCloud } from "../../test/compute/guest-cloud.ts";
import { wordsOf } from "../linux/proc.ts";

/** How to start a guest again without us. */
export interface BareGuest {
  /** Names its process. */
  readonly word: string;
  readonly console: string;
  /** What starts it. */
  readonly words: readonly string[];
  remove(): void;
}

/** Copies what a running machine of ours was started with. */
export function bareGuestOf(guests: GuestCloud, vmId: string, pid: number): BareGuest {
  const [files, dir] = [guests.files(vmId), mkdtempSync("/tmp/pb")];
  const [folder, sockets] = [join(dir, "files"), join(dir, "s")];
  mkdirSync(sockets);
  cpSync(files.folder, folder, { recursive: true });
  rmSync(join(folder, "console.log"), { force: true });
  const moved = (word: string) => word.replaceAll(files.folder, folder).replaceAll(files.sockets, sockets);
  // It waits for nobody.
  const own = wordsOf(pid).flatMap((word) => (word === "-S" ? [] : word.replace("wait=on", "wait=off")));
  const words = ["nsenter", `--net=/run/netns/${guests.hostNamespace}`, ...own.map(moved)];
  const remove = () => rmSync(dir, { recursive: true, force: true });
  return { word: folder, console: join(folder, "console.log"), words, remove };
}

/** A tap in a port, as ours was. */
export class BareTap {
  readonly #namespace: string;
  readonly #host: HostNetwork;
  readonly #name: string;

  private constructor(namespace: string, host: HostNetwork, name: string) {
    this.#namespace = namespace;
    this.#host = host;
    this.#name = name;
  }

  static async plug(guests: GuestCloud, name: string, portId: string): Promise<BareTap> {
    const { hosts } = JSON.parse(readFileSync(join(guests.cloud.dataDir, "network.json"), "utf8"));
    const host = await openHostNetwork(hosts[0]);
    await command("ip", ["-n", guests.hostNamespace, "tuntap", "add", "dev", name, "mode", "tap"]);
    await command("ip", ["-n", guests.hostNamespace, "link", "set", "dev", name, "up"]);
    await host.plug({ name, portId }, new AbortController().signal);
    return new BareTap(guests.hostNamespace, host, name);
  }

  async pull(): Promise<void> {
    await this.#host.unplug(this.#name, new AbortController().signal);
    await command("ip", ["-n", this.#namespace, "tuntap", "del", "dev", this.#name, "mode", "tap"]);
    await this.#host.close();
  }
}
