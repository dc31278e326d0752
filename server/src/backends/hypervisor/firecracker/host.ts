// What all microVMs of a host share.
import type { Clock } from "../../../clock.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { Cgroups } from "../qemu/cgroups.ts";
import type { HostFolders } from "../qemu/layout.ts";
import type { Taps } from "../qemu/taps.ts";
import type { Kernel } from "./boot.ts";

export interface Host {
  readonly folders: HostFolders;
  readonly program: string;
  /** Undefined: machines without NICs alone. */
  readonly network: { readonly host: HostNetwork; readonly taps: Taps } | undefined;
  readonly cgroups: Cgroups;
  /** Whether each machine gets a user of its own; needs root. */
  readonly ownUsers: boolean;
  /** What lets those users reach /dev/kvm. */
  readonly groups: readonly number[];
  readonly clock: Clock;
  kernelOf(imageId: string | undefined): Kernel;
  imageFile(imageId: string): string | undefined;
  /** Told after each change of a machine's state. */
  changed(machine: { readonly vmId: string; readonly owner: string }): void;
}
