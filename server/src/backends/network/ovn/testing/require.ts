// Tests that need a real OVN: without it, or without root, they are skipped by name; CI has it and lets no test be skipped.

import { existsSync } from "node:fs";
import { describe } from "@jest/globals";

const programs = ["ovn-northd", "ovn-controller", "ovs-vswitchd", "ovsdb-server", "ip", "ethtool"];
const folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/** Why a private OVN can't be started here; undefined: it can. */
export function ovnMissing(): string | undefined {
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(`${folder}/${program}`)));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return process.getuid?.() === 0 ? undefined : "network namespaces need root";
}

/** `describe`, or a skipped one that says why. */
export function describeOnOvn(name: string, body: () => void): void {
  const missing = ovnMissing();
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (${missing})`, body);
}
