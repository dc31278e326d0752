// Where the outside of a private OVN is: on this machine itself, so that elastic IPs are reached from it, or in a namespace, where it would hide
// what this machine needs.
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { type IpNetwork, includes, overlaps, parseIp, parseNetwork } from "../../../../ip.ts";
import { command } from "../../../linux/command.ts";

export interface OutsideChoice {
  /** An IPv4 network, whose first address is the router's: "203.0.113.0/24". */
  readonly cidr: string;
  /** "here": on this machine, where nothing is known to be in the way. */
  readonly place: "here" | "namespace";
}

/** TEST-NET-3 (RFC 5737), which should be nobody's. */
export const usualOutside: OutsideChoice = { cidr: "203.0.113.0/24", place: "here" };

/** Routes to larger networks are ways to everywhere, as a VPN's two halves of the Internet are. */
const largest = 8;

/** What of this machine's is in one of the networks, in words, as far as that can be known. @param own a device that does not count */
export async function usedHere(networks: readonly IpNetwork[], own: string): Promise<string | undefined> {
  return addressIn(networks, own) ?? (await routeInto(networks, own)) ?? (await resolverIn(networks));
}

function addressIn(networks: readonly IpNetwork[], own: string): string | undefined {
  for (const [device, addresses = []] of Object.entries(networkInterfaces()))
    for (const { address } of addresses)
      if (device !== own && isIn(networks, address)) return `${device} has the address ${address}`;
  return undefined;
}

interface Route {
  readonly dst?: string;
  readonly gateway?: string;
  readonly dev?: string;
}

async function routeInto(networks: readonly IpNetwork[], own: string): Promise<string | undefined> {
  for (const family of ["-4", "-6"]) {
    const routes: readonly Route[] = JSON.parse(
      await command("ip", ["-json", family, "route", "show", "table", "all"]).catch(() => "[]"),
    );
    for (const { dst = "", gateway = "", dev } of routes) {
      if (dev === own) continue;
      const to = parseNetwork(dst.includes("/") ? dst : `${dst}/${family === "-4" ? 32 : 128}`);
      if (to !== undefined && to.prefixLength >= largest && networks.some((network) => overlaps(network, to)))
        return `there is a route to ${dst}`;
      if (isIn(networks, gateway)) return `its router is ${gateway}`;
    }
  }
  return undefined;
}

async function resolverIn(networks: readonly IpNetwork[]): Promise<string | undefined> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const servers = [...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address = ""]) => address);
  const server = servers.find((address) => isIn(networks, address));
  return server === undefined ? undefined : `it asks ${server} for names`;
}

function isIn(networks: readonly IpNetwork[], text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && networks.some((network) => includes(network, address));
}
