// Why machines may not be where they should be, for those who must not learn of hosts: counts alone.
import type { Obstacle, Verdict } from "../../../../backends/hypervisor/places.ts";

type Reason = Obstacle["reason"];

const words: Readonly<Record<Reason, string>> = {
  unreachable: "can't be reached",
  unschedulable: "take no new machines",
  draining: "are being drained",
  architecture: "are of another architecture than the image",
  machine_type: "can't run machines of this type",
  driver: "run machines in another way",
  host_labels: "don't have the labels of spec.host_labels",
  placement_group: "would break a placement group",
  snapshot: "don't have the snapshot that it is copied from",
  leftover: "still have what it left there before",
  current: "are where it is now",
  memory: "have too little memory left",
  disk: "have too little disk left",
  cpu: "have too few CPUs left",
};

/** The field of a machine that a reason speaks of. */
export const fields: Readonly<Partial<Record<Reason, string>>> = {
  architecture: "spec.image_id",
  machine_type: "spec.machine",
  host_labels: "spec.host_labels",
  placement_group: "spec.placement_group_ids",
  snapshot: "spec.source_snapshot_id",
  memory: "spec.memory",
  disk: "spec.disks",
  cpu: "spec.cpu",
};

export interface Counted {
  readonly reason: Reason;
  readonly hosts: number;
  readonly message: string;
}

/** The most frequent first. */
export function countedOf(verdicts: readonly Verdict[]): readonly Counted[] {
  const counts = new Map<Reason, number>();
  for (const { obstacles } of verdicts)
    for (const reason of new Set(obstacles.map((obstacle) => obstacle.reason)))
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, hosts]) => ({ reason, hosts, message: `${hosts} of ${verdicts.length} hosts ${words[reason]}` }))
    .toSorted((a, b) => b.hosts - a.hosts);
}

/** A sentence's end: "2 of 3 hosts have too little memory left; 1 of 3 hosts are being drained". */
export function summaryOf(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return "there is no host";
  return countedOf(verdicts)
    .map(({ message }) => message)
    .join("; ");
}
