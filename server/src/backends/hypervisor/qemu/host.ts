// What all machines of a host share.
import type { Clock } from "../../../clock.ts";
import type { Accelerator } from "./accelerator.ts";
import type { Cgroups } from "./cgroups.ts";
import { type HostFolders, shortOf } from "./layout.ts";
import type { Taps } from "./taps.ts";

export interface Host {
  readonly folders: HostFolders;
  readonly program: string;
  readonly accelerator: Accelerator;
  /** What new machines get. */
  readonly machineType: string;
  readonly cpuModel: string;
  /** Undefined: machines without NICs alone. */
  readonly taps: Taps | undefined;
  readonly cgroups: Cgroups;
  /** Whether each machine gets a user of its own; needs root. */
  readonly ownUsers: boolean;
  readonly clock: Clock;
  imageFile(imageId: string): string | undefined;
  /** A machine's disk, as a snapshot of it holds it; undefined: the snapshot has no such disk. @throws DriverError "missing" */
  copyOf(
    source: { readonly vmId: string; readonly snapshotId: string },
    diskId: string,
  ): { readonly file: string; readonly snapshotId: string } | undefined;
  /** Told after each change of a machine's state. */
  changed(machine: { readonly vmId: string; readonly owner: string }): void;
}

/** Users that no one else has: above every range that distributions and containers give out. */
const [firstUid, uids] = [1_500_000_000, 100_000_000];

/** The user that a machine's process runs as; undefined: ours. */
export function userOf({ ownUsers }: Pick<Host, "ownUsers">, vmId: string): number | undefined {
  return ownUsers ? firstUid + (Number.parseInt(shortOf(vmId).slice(0, 8), 16) % uids) : undefined;
}

/** The name of a machine's control group: two hosts on one system may have a machine of the same id for a while, when it moves. */
export function groupOf({ folders }: Pick<Host, "folders">, vmId: string): string {
  return shortOf(`${folders.run}/${vmId}`);
}
