// What this server's drivers know of hosts.
import type { Hosts } from "../../../../backends/hypervisor/hosts.ts";
import type { Known } from "./session.ts";

/** `ownId`: the host that is the server's own machine. Undefined: none is, or it exchanges machines with all others. */
export function knownOf(hosts: Hosts, ownId?: string): Known {
  return (hostId) => {
    const host = hosts.get(hostId);
    if (host === undefined) return undefined;
    const { open: reachable, driver } = host;
    return { reachable, isOwn: hostId === ownId, cantRun: driver.cantRun ?? {}, images: hosts.images(hostId) };
  };
}
