// The private OVN of `photon server --dev`: in the data folder, with a wire to this machine, so that elastic IPs can be tried from here.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { PrivateOvn } from "./private-ovn.ts";
import { startPrivateOvn } from "./start.ts";
import { namesOf } from "./wires.ts";

/** The wire's name, and the addresses of its end here: as the external network that every cloud of one machine begins with has them. */
const physicalNetwork = "external";
const outsideAddress = "203.0.113.1";
const outsideIpv6Address = "2001:db8:113::1";

/** The longest folder whose sockets' paths are still short enough for the system (107 bytes). */
const longestFolder = 70;

/** Starts it, and writes `network.json` into the data folder, which tells people and programs where everything is. */
export async function startDevOvn(dataDir: string, log: (message: string) => void): Promise<PrivateOvn> {
  const digest = createHash("sha256").update(dataDir).digest("hex");
  const folder = join(dataDir, "ovn");
  await mkdir(folder, { recursive: true });
  const short = folder.length > longestFolder ? await shortNameOf(folder, digest) : undefined;
  const name = `p${digest.slice(0, 5)}`;
  const addresses = { address: `${outsideAddress}/24`, ipv6Address: `${outsideIpv6Address}/64` };
  const external = { physicalNetwork, ...addresses, outside: whereOutsideIs(name) };
  const ovn = await startPrivateOvn({ dir: short ?? folder, name, external, log });
  const { northbound, southbound, hosts, outside } = ovn;
  const told = { northbound, southbound, hosts, outside: outside ?? null };
  await writeFile(join(dataDir, "network.json"), `${JSON.stringify(told, undefined, 2)}\n`);
  const stop = async () => {
    await ovn.stop();
    if (short !== undefined) await rm(short, { force: true });
    await rm(join(dataDir, "network.json"), { force: true });
  };
  return { ...ovn, stop };
}

/** Something else on this machine may have an address of the two, another cloud for one: then this one's outside is a namespace. */
function whereOutsideIs(name: string): "host" | "namespace" {
  const others = Object.entries(networkInterfaces()).filter(([device]) => device !== namesOf(name).externalBridge);
  const ours = new Set([outsideAddress, outsideIpv6Address]);
  const taken = others.some(([, addresses = []]) => addresses.some(({ address }) => ours.has(address)));
  return taken ? "namespace" : "host";
}

/** A short path that leads to the folder. */
async function shortNameOf(folder: string, digest: string): Promise<string> {
  const link = `${existsSync("/run") ? "/run" : "/tmp"}/photon-${digest.slice(0, 8)}`;
  await rm(link, { force: true });
  await symlink(folder, link);
  return link;
}
