// The private OVN of `photon server --dev`: in the data folder, with a wire to this machine, so that elastic IPs can be tried from here.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addressAt, formatIp, type IpNetwork, parseNetwork } from "../../../../ip.ts";
import { type OutsideChoice, usedHere } from "./outside.ts";
import { keepRoutes } from "./outside-routes.ts";
import type { PrivateOvn } from "./private-ovn.ts";
import { startPrivateOvn } from "./start.ts";
import { namesOf } from "./wires.ts";

/** The wire's name and its IPv6 network: as the external network that every cloud of one machine begins with has them. */
const physicalNetwork = "external";
const ipv6Cidr = "2001:db8:113::/64";

/** The longest folder whose sockets' paths are still short enough for the system (107 bytes). */
const longestFolder = 70;

export interface DevOvnOptions {
  readonly dataDir: string;
  readonly outside: OutsideChoice;
  readonly log: (message: string) => void;
}

/** A private OVN, and where its outside is, in words. */
export interface DevOvn extends PrivateOvn {
  readonly where: string;
}

/** Starts it, and writes `network.json` into the data folder, which tells people and programs where everything is. */
export async function startDevOvn({ dataDir, outside: choice, log }: DevOvnOptions): Promise<DevOvn> {
  const digest = createHash("sha256").update(dataDir).digest("hex");
  const folder = join(dataDir, "ovn");
  await mkdir(folder, { recursive: true });
  const short = folder.length > longestFolder ? await shortNameOf(folder, digest) : undefined;
  const name = `p${digest.slice(0, 5)}`;
  const [network, ipv6Network] = [networkOf(choice.cidr), networkOf(ipv6Cidr)];
  const notHere = await whyNotHere(choice, [network, ipv6Network], name);
  const here = notHere === undefined;
  const source = routerOf(network);
  const addresses = {
    // What else is in the network is reached as before: each address that the cloud uses has a route of its own.
    address: `${source}/${here ? 32 : network.prefixLength}`,
    ipv6Address: `${routerOf(ipv6Network)}/${ipv6Network.prefixLength}`,
  };
  const external = { physicalNetwork, ...addresses, outside: here ? "host" : "namespace" } as const;
  const ovn = await startPrivateOvn({ dir: short ?? folder, name, external, log });
  const { northbound, southbound, hosts, outside } = ovn;
  const routes = { northbound, network, device: namesOf(name).externalBridge, source, log };
  const stopRoutes = here ? await keepRoutes(routes) : async () => {};
  const told = { northbound, southbound, hosts, outside: outside ?? null };
  await writeFile(join(dataDir, "network.json"), `${JSON.stringify(told, undefined, 2)}\n`);
  const stop = async () => {
    await stopRoutes();
    await ovn.stop();
    if (short !== undefined) await rm(short, { force: true });
    await rm(join(dataDir, "network.json"), { force: true });
  };
  const where = here ? "reached from this machine" : `in namespace ${outside}, since ${notHere}`;
  return { ...ovn, where, stop };
}

/** Undefined: it is on this machine itself. What else is in its networks there may be another cloud's. */
async function whyNotHere(
  { place, cidr }: OutsideChoice,
  networks: readonly IpNetwork[],
  name: string,
): Promise<string | undefined> {
  if (place === "namespace") return "it was asked for";
  const used = await usedHere(networks, namesOf(name).externalBridge);
  return used && `this machine needs addresses of ${cidr} or ${ipv6Cidr} itself: ${used}`;
}

/** The first address of a network. */
function routerOf(network: IpNetwork): string {
  return formatIp(addressAt(network, 1n));
}

function networkOf(cidr: string): IpNetwork {
  const network = parseNetwork(cidr);
  if (network === undefined) throw new Error(`${cidr} is no network`);
  return network;
}

/** A short path that leads to the folder. */
async function shortNameOf(folder: string, digest: string): Promise<string> {
  const link = `${existsSync("/run") ? "/run" : "/tmp"}/photon-${digest.slice(0, 8)}`;
  await rm(link, { force: true });
  await symlink(folder, link);
  return link;
}
