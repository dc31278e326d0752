// Guests for packet tests: a network namespace with one end of a veth pair, whose other end is plugged into a port.
import { join } from "node:path";
import { command, type Ended, runCommand } from "../../../linux/command.ts";
import { addNamespace, inside, ip, ipForced, removeNamespace, writeChecksums } from "../../../linux/namespaces.ts";
import type { ChassisAddress } from "../chassis/chassis.ts";
import type { PrivateOvn } from "../private/private-ovn.ts";
import type { Guest } from "./guest.ts";
import { GuestProcess } from "./guest-process.ts";

export interface PlugOptions {
  /** Which of the OVN's hosts, from 0; default 0. */
  readonly host?: number;
  readonly portId: string;
  readonly macAddress: string;
}

const device = "eth0";
const script = join(import.meta.dirname, "../../../linux/lease.sh");
/** How often an answer that may get lost is waited for, and for how long. */
const tries = 3;
const tryMs = 1_000;
let last = 0;

/** Makes a guest on a host and plugs it into a port. It has no addresses yet: `dhcp` or `configure` gives it some. */
export async function plugGuest(
  ovn: Pick<PrivateOvn, "hosts">,
  { host = 0, portId, macAddress }: PlugOptions,
): Promise<Guest> {
  const chassis = ovn.hosts[host];
  if (chassis === undefined) throw new Error(`there is no host ${host}`);
  last += 1;
  const wire = `g${last}`;
  // Begins like the host's, so that it goes with the OVN.
  const namespace = `${chassis.namespace}-${wire}`;
  await addNamespace(namespace);
  await quieten(namespace);
  await ip(
    chassis.namespace,
    `link add ${wire} type veth peer name ${device} netns ${namespace}`,
    `link set ${wire} up`,
  );
  await ip(namespace, `link set ${device} address ${macAddress}`, `link set ${device} up`);
  await writeChecksums(namespace, device);
  const ids = [`external_ids:iface-id=${portId}`];
  await vsctl(chassis, "--may-exist", "add-port", "br-int", wire, "--", "set", "Interface", wire, ...ids);
  const pullOut = async () => {
    await vsctl(chassis, "--if-exists", "del-port", "br-int", wire);
    await removeNamespace(namespace);
    await ipForced(chassis.namespace, `link del ${wire}`);
  };
  return new NamespaceGuest(namespace, device, pullOut);
}

/** The outside as a guest: what is reached beyond the cloud, and whence the cloud is reached. It has its address already. */
export function outsideGuest({ outside }: PrivateOvn): Guest {
  if (outside === undefined) throw new Error("this OVN has no outside of its own");
  return new NamespaceGuest(outside, "br0", async () => {});
}

/** Addresses are usable at once, instead of after a second of looking for another owner; none is made up. */
async function quieten(namespace: string): Promise<void> {
  const settings = ["accept_dad=0", "dad_transmits=0"].map((setting) => `net.ipv6.conf.default.${setting}`);
  const [program = "", ...words] = inside(namespace, "sysctl", "-qw", ...settings);
  await command(program, words);
}

async function vsctl({ database }: ChassisAddress, ...words: readonly string[]): Promise<void> {
  await command("ovs-vsctl", [`--db=${database}`, "--timeout=10", ...words]);
}

class NamespaceGuest implements Guest {
  readonly namespace: string;
  readonly #device: string;
  readonly #pullOut: () => Promise<void>;
  readonly #process: GuestProcess;

  constructor(namespace: string, deviceName: string, pullOut: () => Promise<void>) {
    this.namespace = namespace;
    this.#device = deviceName;
    this.#pullOut = pullOut;
    this.#process = new GuestProcess(namespace);
  }

  run(program: string, ...args: readonly string[]): Promise<Ended> {
    const [first = "", ...words] = inside(this.namespace, program, ...args);
    return runCommand(first, words);
  }

  async dhcp(): Promise<Readonly<Record<string, string>>> {
    const wanted = ["mtu", "staticroutes", "search", "hostname", "ntpsrv"].flatMap((option) => ["-O", option]);
    const words = ["udhcpc", "-i", this.#device, "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", script, ...wanted];
    const [first = "", ...rest] = inside(
      this.namespace,
      "env",
      "-i",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      "busybox",
      ...words,
    );
    const { code, stdout, stderr } = await runCommand(first, rest);
    if (code !== 0) throw new Error(`${this.namespace} got no lease: ${stderr.trim()}`);
    // The environment of the script: what udhcpc sets is in small letters.
    const options = [...stdout.matchAll(/^([a-z][a-z0-9]*)=(.*)$/gm)];
    return Object.fromEntries(options.map(([, name = "", value = ""]) => [name, value]));
  }

  async configure(options: { readonly addresses: readonly string[]; readonly gateways?: readonly string[] }) {
    const { addresses, gateways = [] } = options;
    await ip(this.namespace, ...addresses.map((address) => `addr replace ${address} dev ${this.#device}`));
    const routes = gateways.map(
      (gateway) => `${family(gateway)} route replace default via ${gateway} dev ${this.#device}`,
    );
    for (const route of routes) await command("ip", ["-n", this.namespace, ...route.split(" ")]);
  }

  async pings(address: string): Promise<boolean> {
    // Ends at the first answer.
    const words = [
      "ping",
      family(address),
      "-n",
      "-c",
      "1",
      "-i",
      "0.3",
      "-w",
      String((tries * tryMs) / 1_000),
      address,
    ];
    const [first = "", ...rest] = inside(this.namespace, ...words);
    return (await runCommand(first, rest)).code === 0;
  }

  async serveTcp(port: number, greeting: string = this.namespace): Promise<() => Promise<void>> {
    return this.#service(await this.#process.order({ do: "serveTcp", port, greeting }));
  }

  async connects(address: string, port: number): Promise<string | undefined> {
    const greeting = await this.#several({ do: "connect", address, port, withinMs: tryMs });
    return typeof greeting === "string" ? greeting : undefined;
  }

  async serveUdp(port: number): Promise<() => Promise<void>> {
    return this.#service(await this.#process.order({ do: "serveUdp", port }));
  }

  async echoes(
    address: string,
    port: number,
    options: { readonly fromPort?: number; readonly bytes?: number } = {},
  ): Promise<boolean> {
    const { fromPort = 0, bytes = 32 } = options;
    return (await this.#several({ do: "echo", address, port, fromPort, bytes, withinMs: tryMs })) === true;
  }

  async remove(): Promise<void> {
    await this.#process.end();
    await this.#pullOut();
  }

  /** Asks until something comes of it. */
  async #several(order: Parameters<GuestProcess["order"]>[0]): Promise<number | string | boolean | undefined> {
    for (let left = tries; left > 0; left--) {
      const result = await this.#process.order(order);
      if (result !== undefined && result !== false) return result;
    }
    return undefined;
  }

  #service(number: number | string | boolean | undefined): () => Promise<void> {
    return async () => {
      await this.#process.order({ do: "stop", service: Number(number) });
    };
  }
}

function family(address: string): "-4" | "-6" {
  return address.includes(":") ? "-6" : "-4";
}
