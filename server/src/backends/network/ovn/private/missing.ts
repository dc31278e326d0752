// Whether a private OVN can be started here, and what is missing.
import { existsSync } from "node:fs";

/** How Debian and Ubuntu get it. */
export const howToGetOvn =
  "apt-get install ovn-central ovn-host openvswitch-switch iproute2 ethtool iputils-ping tcpdump busybox";

const programs = ["ovn-northd", "ovn-controller", "ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ip", "ethtool"];
const folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin"];

/** Whether the system has a program. */
export function hasProgram(program: string): boolean {
  return folders.some((folder) => existsSync(`${folder}/${program}`));
}

/** Why a private OVN can't be started here; undefined: it can. */
export function ovnMissing(): string | undefined {
  const missing = programs.filter((program) => !hasProgram(program));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return process.getuid?.() === 0 ? undefined : "network namespaces need root";
}
