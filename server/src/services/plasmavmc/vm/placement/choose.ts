// Which host a machine goes to: what keeps it from a host, and which of the others is best. Pure: the same hosts and the same wish give the same
// answer.
import type { Obstacle, Verdict } from "../../../../backends/hypervisor/places.ts";

/** What hosts have, and machines take. */
export interface Size {
  /** Virtual CPUs. */
  readonly cpu: number;
  readonly memoryMib: number;
  readonly diskGib: number;
}

export interface HostView {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: it can be asked now; otherwise why not, as a sentence. */
  readonly closed?: { readonly reason: "unreachable" | "unschedulable" | "draining"; readonly message: string };
  readonly architecture: string;
  /** Kinds of machines that it can't run, each with the reason. */
  readonly cantRun: Readonly<Partial<Record<"standard" | "microvm", string>>>;
  readonly driver: string;
  /** "kvm", "tcg"; "" where nothing is executed. */
  readonly accelerator: string;
  /** What may be promised in all. */
  readonly capacity: Size;
  readonly promised: Size;
  /** Images that it is known to have. */
  readonly images: ReadonlySet<string>;
  /** Machines that have left it, and are not removed there yet. */
  readonly leftovers: ReadonlySet<string>;
}

export interface GroupWish {
  readonly id: string;
  readonly policy: "affinity" | "anti_affinity";
  readonly required: boolean;
  /** "host", or a label of hosts. */
  readonly over: string;
  /** Where the other machines of the group are; one that is being moved is at both ends. */
  readonly others: readonly { readonly vmId: string; readonly hostId: string }[];
}

/** What a machine needs of its host. */
export interface Wish {
  readonly vmId: string;
  readonly size: Size;
  readonly architecture: string;
  readonly machine: "standard" | "microvm";
  readonly hostLabels: Readonly<Record<string, string>>;
  readonly groups: readonly GroupWish[];
  readonly imageId?: string;
  /** The host of the snapshot that it is copied from. */
  readonly copiedOn?: { readonly snapshotId: string; readonly hostId: string };
  /** The driver that it runs under now: what is moved, or undefined for what is made. */
  readonly driver?: string;
  /** The host that it must leave. */
  readonly leaves?: string;
}

/** Where a host is, as far as a group is concerned. A host without the label is a place of its own. */
function placeOf(host: Pick<HostView, "id" | "labels"> | undefined, hostId: string, over: string): string {
  const label = over === "host" ? undefined : host?.labels[over];
  return label === undefined ? `host ${hostId}` : `label ${label}`;
}

/** How many of a group's other machines share a host's place. */
export function together(host: HostView, { over, others }: GroupWish, hosts: ReadonlyMap<string, HostView>): number {
  const here = placeOf(host, host.id, over);
  return others.filter(({ hostId }) => placeOf(hosts.get(hostId), hostId, over) === here).length;
}

function keeps(host: HostView, group: GroupWish, hosts: ReadonlyMap<string, HostView>): boolean {
  const near = together(host, group, hosts);
  return group.policy === "anti_affinity" ? near === 0 : near > 0 || group.others.length === 0;
}

function* obstaclesOf(host: HostView, wish: Wish, hosts: ReadonlyMap<string, HostView>): Generator<Obstacle> {
  if (host.closed !== undefined) yield host.closed;
  if (host.id === wish.leaves) yield { reason: "current", message: "the machine is there, and should leave it" };
  if (host.architecture !== "" && host.architecture !== wish.architecture)
    yield { reason: "architecture", message: `it is ${host.architecture}, the image is ${wish.architecture}` };
  const cant = host.cantRun[wish.machine];
  if (cant !== undefined) yield { reason: "machine_type", message: cant };
  if (wish.driver !== undefined && wish.driver !== host.driver)
    yield { reason: "driver", message: `it runs ${host.driver}, the machine ${wish.driver}` };
  const { copiedOn } = wish;
  if (copiedOn !== undefined && copiedOn.hostId !== host.id)
    yield { reason: "snapshot", message: `snapshot ${copiedOn.snapshotId} is on host ${copiedOn.hostId}` };
  if (host.leftovers.has(wish.vmId))
    yield { reason: "leftover", message: "what it left there before has not been removed yet" };
  yield* labelsAmiss(host, wish);
  for (const group of wish.groups)
    if (group.required && !keeps(host, group, hosts)) yield { reason: "placement_group", message: broken(group) };
  yield* lacks(host, wish.size);
}

function* labelsAmiss({ labels }: HostView, { hostLabels }: Wish): Generator<Obstacle> {
  for (const [key, value] of Object.entries(hostLabels))
    if (labels[key] !== value)
      yield {
        reason: "host_labels",
        message: `its label ${key} is ${JSON.stringify(labels[key] ?? "")}, not ${JSON.stringify(value)}`,
      };
}

function broken({ id, policy, over }: GroupWish): string {
  const where = over === "host" ? "host" : `${over} of hosts`;
  return policy === "anti_affinity"
    ? `group ${id} has a machine on this ${where} already`
    : `the machines of group ${id} are on another ${where}`;
}

const parts = [
  ["memory", "memoryMib", "MiB of memory"],
  ["disk", "diskGib", "GiB of disk"],
  ["cpu", "cpu", "virtual CPUs"],
] as const;

/** What a host has that was never heard of is not known: that it can't be reached says enough. */
function* lacks({ capacity, promised, closed }: HostView, size: Size): Generator<Obstacle> {
  if (closed?.reason === "unreachable" && parts.every(([, part]) => capacity[part] === 0)) return;
  for (const [reason, part, unit] of parts) {
    const free = Math.max(0, capacity[part] - promised[part]);
    if (size[part] > free) yield { reason, message: `it has ${free} ${unit} left, ${size[part]} are needed` };
  }
}

/** A wish to be apart is worth less with each machine that is near; one to be together more with each. */
function kept(host: HostView, group: GroupWish, hosts: ReadonlyMap<string, HostView>): number {
  const near = together(host, group, hosts);
  if (group.policy === "anti_affinity") return 1 / (1 + near);
  return group.others.length === 0 ? 1 : near / group.others.length;
}

/** What counts for how much: groups before balance, and balance before what saves a download. They add up to 1. */
const weights = { groups: 0.6, memory: 0.3, image: 0.1 } as const;

function scoreOf(host: HostView, wish: Wish, hosts: ReadonlyMap<string, HostView>): number {
  const preferred = wish.groups.filter(({ required }) => !required);
  const groups = preferred.reduce((sum, group) => sum + kept(host, group, hosts), 0) / (preferred.length || 1);
  const free = host.capacity.memoryMib - host.promised.memoryMib - wish.size.memoryMib;
  const memory = host.capacity.memoryMib <= 0 ? 0 : Math.max(0, free / host.capacity.memoryMib);
  const image = wish.imageId !== undefined && host.images.has(wish.imageId) ? 1 : 0;
  return weights.groups * (preferred.length === 0 ? 1 : groups) + weights.memory * memory + weights.image * image;
}

/** What stands in the way on each host, and how good the others are; in the hosts' order. `only`: of this host alone. */
export function judge(hosts: readonly HostView[], wish: Wish, only?: string): readonly Verdict[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const asked = only === undefined ? hosts : hosts.filter(({ id }) => id === only);
  return asked.map((host) => ({
    hostId: host.id,
    obstacles: [...obstaclesOf(host, wish, byId)],
    score: scoreOf(host, wish, byId),
  }));
}

/** The best host; of equal ones the first by id. Undefined: none may run it. */
export function choose(hosts: readonly HostView[], wish: Wish, only?: string): string | undefined {
  const fitting = judge(hosts, wish, only).filter(({ obstacles }) => obstacles.length === 0);
  const [best] = fitting.toSorted((a, b) => b.score - a.score || (a.hostId < b.hostId ? -1 : 1));
  return best?.hostId;
}
