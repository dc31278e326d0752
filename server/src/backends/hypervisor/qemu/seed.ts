// What a guest is told at its first boot, as cloud-init's NoCloud reads it (cloud-init, "NoCloud"). The instance's id is the machine's: new
// words under the same id change nothing in a guest that has booted.
import type { MachineSpec } from "../driver.ts";
import { fatDisk } from "./fat.ts";

type Told = Pick<MachineSpec, "vmId" | "hostname" | "userData" | "sshKeys" | "nics">;

/** The seed's disk. @throws Error if the user data does not fit. */
export function seedDisk(spec: Told): Buffer {
  const files = Object.entries(seedFiles(spec)).map(([name, text]) => ({ name, data: Buffer.from(text) }));
  return fatDisk("CIDATA", files);
}

/** Keys are user data where there is none beside them, else metadata. A JSON string is YAML as well. */
export function seedFiles({ vmId, hostname, userData, sshKeys = [], nics }: Told): Readonly<Record<string, string>> {
  const list = (name: string) => `${name}:\n${sshKeys.map((key) => `  - ${JSON.stringify(key)}\n`).join("")}`;
  const told = userData ?? "";
  const keysAlone = told === "" && sshKeys.length > 0;
  const metaData = `instance-id: ${vmId}\nlocal-hostname: ${hostname}\n`;
  return {
    "meta-data": told === "" || sshKeys.length === 0 ? metaData : metaData + list("public-keys"),
    "user-data": keysAlone ? `#cloud-config\n${list("ssh_authorized_keys")}` : told,
    ...(nics.length === 0 ? {} : { "network-config": networkConfig(nics) }),
  };
}

/** Every NIC asks by DHCP; left to itself, cloud-init sets up the first alone. */
function networkConfig(nics: Told["nics"]): string {
  const entries = nics.map(
    ({ macAddress }, i) =>
      `  nic${i}:\n    match: {macaddress: ${JSON.stringify(macAddress)}}\n    dhcp4: true\n    dhcp6: true\n`,
  );
  return `version: 2\nethernets:\n${entries.join("")}`;
}
