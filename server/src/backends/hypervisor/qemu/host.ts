// What all machines of a host share.
import type { Clock } from "../../../clock.ts";
import type { Starter } from "../../linux/starter.ts";
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
  /** In the network of the host's devices. */
  readonly starter: Starter;
  /** Whether each machine gets a user of its own; needs root. */
  readonly ownUsers: boolean;
  readonly clock: Clock;
  /** After how many rounds of sending what a guest has written meanwhile its move is given up. */
  readonly mostRounds: number;
  /** Whether a guest runs on while its memory is copied; otherwise it stands still meanwhile. */
  readonly copiesLive: boolean;
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
const firstUids = { machine: 1_500_000_000, image: 1_600_000_000 } as const;
/** How many of each sort. */
const uids = 100_000_000;

/** The user of a thing of the host's: always the same one. A machine's can't touch an image that is being made. */
export function uidFor(sort: keyof typeof firstUids, id: string): number {
  return firstUids[sort] + (Number.parseInt(shortOf(id).slice(0, 8), 16) % uids);
}

/** The user that a machine's process runs as; undefined: ours. */
export function userOf({ ownUsers }: Pick<Host, "ownUsers">, vmId: string): number | undefined {
  return ownUsers ? uidFor("machine", vmId) : undefined;
}

/** The name of a machine's control group: two hosts on one system may have a machine of the same id for a while, when it moves. */
export function groupOf({ folders }: Pick<Host, "folders">, vmId: string): string {
  return shortOf(`${folders.run}/${vmId}`);
}
