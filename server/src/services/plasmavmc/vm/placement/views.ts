// Hosts and machines as the choice of a host sees them.
import { type Host, HostDrainPhase, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import {
  type PlacementGroup,
  PlacementPolicy,
  PlacementStrictness,
} from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { type Vm, VmMovePhase, type VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineKind } from "../../../../backends/hypervisor/driver.ts";
import type { GroupWish, HostView, Size } from "./choose.ts";

/** What this server knows of a host beside what is stored. */
export interface KnownHost {
  /** It answers this server. */
  readonly reachable: boolean;
  readonly cantRun: Readonly<Partial<Record<MachineKind, string>>>;
  readonly images: ReadonlySet<string>;
}

/** Virtual CPUs for each thread, by what executes them; told in host.proto. */
const cpuRatios: Readonly<Record<string, number>> = { kvm: 4, tcg: 16 };

/** Virtual CPUs that may be promised. */
export function cpuLimit({ capacity, cpuRatio, accelerator }: Host): number {
  const ratio = cpuRatio ?? cpuRatios[accelerator];
  return ratio === undefined ? Number.MAX_SAFE_INTEGER : (capacity?.cpu ?? 0) * ratio;
}

export function isDraining({ drain, drainOrder }: Host): boolean {
  if (drainOrder === undefined || drainOrder.aborted) return false;
  return drain?.number !== drainOrder.number || drain.phase !== HostDrainPhase.ABORTED;
}

function closedOf(host: Host, known: KnownHost | undefined): HostView["closed"] {
  if (host.state === HostState.FENCED) return { reason: "unreachable", message: "it is fenced" };
  if (host.state !== HostState.READY) return { reason: "unreachable", message: "its agent does not answer" };
  if (host.schedulable === false) return { reason: "unschedulable", message: "it takes no new machines" };
  if (isDraining(host)) return { reason: "draining", message: "it is being drained" };
  return known?.reachable ? undefined : { reason: "unreachable", message: "its agent does not answer this server" };
}

export function viewOf(host: Host, known: KnownHost | undefined, leftovers: ReadonlySet<string>): HostView {
  const closed = closedOf(host, known);
  const { capacity } = host;
  const driver = host.drivers.join("+");
  return {
    id: host.id,
    labels: host.labels,
    leftovers,
    driver,
    accelerator: host.accelerator,
    ...(closed === undefined ? {} : { closed }),
    // What executes nothing has no architecture.
    architecture: driver === "simulated" ? "" : host.architecture,
    cantRun: known?.cantRun ?? {},
    images: known?.images ?? new Set(),
    capacity: {
      cpu: cpuLimit(host),
      memoryMib: Number(capacity?.memoryMib ?? 0),
      diskGib: Number(capacity?.diskGib ?? 0),
    },
    promised: promisedBy(host),
  };
}

export function promisedBy({ promised }: Host): Size {
  return {
    cpu: promised?.cpu ?? 0,
    memoryMib: Number(promised?.memoryMib ?? 0),
    diskGib: Number(promised?.diskGib ?? 0),
  };
}

/** What a machine takes of its host. */
export function sizeOf({ cpu = 1, memory = 512, disks }: Sizes): Size {
  return { cpu, memoryMib: memory, diskGib: disks.reduce((sum, { sizeGib }) => sum + sizeGib, 0) };
}

/** The same, disk by disk. */
export function stakeOf(spec: Sizes): Size & { readonly disks: Readonly<Record<string, number>> } {
  return { ...sizeOf(spec), disks: Object.fromEntries(spec.disks.map(({ id, sizeGib }) => [id, sizeGib])) };
}

type Sizes = Pick<VmSpec, "cpu" | "memory" | "disks">;

const over: ReadonlySet<VmMovePhase> = new Set([
  VmMovePhase.UNSPECIFIED,
  VmMovePhase.CLEANING,
  VmMovePhase.DONE,
  VmMovePhase.FAILED,
  VmMovePhase.CANCELLED,
]);

/** Whether a machine has two places: where it is, and where it is moved to. */
export function isMoving({ move }: Pick<Vm, "move">): boolean {
  return move !== undefined && !over.has(move.phase);
}

/** All hosts that keep a place for a machine. */
export function hostsOf(vm: Vm): readonly string[] {
  const target = isMoving(vm) ? (vm.move?.targetHostId ?? "") : "";
  return [vm.hostId, target].filter((id) => id !== "");
}

export function groupWish(group: PlacementGroup, others: GroupWish["others"]): GroupWish {
  const policy = group.policy === PlacementPolicy.AFFINITY ? "affinity" : "anti_affinity";
  const required = group.strictness !== PlacementStrictness.PREFERRED;
  return { id: group.id, policy, required, over: group.over ?? "host", others };
}
