// What this server's drivers know of hosts.
import type { Hosts } from "../../../../backends/hypervisor/hosts.ts";
import type { Known } from "./session.ts";

export function knownOf(hosts: Hosts): Known {
  return (hostId) => {
    const host = hosts.get(hostId);
    return host && { reachable: host.open, cantRun: host.driver.cantRun ?? {}, images: hosts.images(hostId) };
  };
}
