// The settings that say what runs machines.
import { ConfigError } from "./config-error.ts";

export interface HypervisorConfig {
  /** "auto": QEMU where it is installed, we are root, and this machine is a host of a real network; else a simulation. */
  readonly driver: "auto" | "qemu" | "simulated";
  /** Where the files of the built-in images are; undefined: in the data folder. */
  readonly images: string | undefined;
  /** Where machines' disks are kept; undefined: in the data folder if machines can reach it, else in /var/lib/photoncloud. */
  readonly machines: string | undefined;
}

export const hypervisorSettings = [
  {
    flag: "hypervisor",
    variables: ["PHOTON_HYPERVISOR"],
    value: "auto|qemu|simulated",
    help: "what runs machines; auto: QEMU where it is installed and this machine is a host of a real network, else a simulation",
  },
  {
    flag: "images",
    variables: ["PHOTON_IMAGES"],
    value: "FOLDER",
    help: "the files of the built-in images: debian-12.qcow2, tiny.qcow2; default images-built-in in the data folder",
  },
  {
    flag: "machines",
    variables: ["PHOTON_MACHINES"],
    value: "FOLDER",
    help: "machines' disks; each machine has a user of its own, who must be able to reach it; default in the data folder or /var/lib/photoncloud",
  },
] as const;

type Given = Readonly<Partial<Record<(typeof hypervisorSettings)[number]["flag"], string>>>;

const drivers = ["auto", "qemu", "simulated"] as const;

/** @throws ConfigError if one is wrong. */
export function hypervisorOf(given: Given): HypervisorConfig {
  const wanted = given.hypervisor ?? "auto";
  const driver = drivers.find((known) => known === wanted);
  if (driver === undefined) throw new ConfigError(`hypervisor is "${wanted}"; it must be one of ${drivers.join(", ")}`);
  return { driver, images: given.images, machines: given.machines };
}
