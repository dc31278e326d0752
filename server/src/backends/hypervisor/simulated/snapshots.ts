// What the disks of simulated machines hold, and what they held when snapshots were taken. A disk's bytes are a text, so that tests can tell them apart.
import { DriverError } from "../../driver-error.ts";
import type { MachineSnapshots, MachineSpec, MachineState } from "../driver.ts";

/** By the disk's id; a disk that is not there has never been written. */
type Disks = ReadonlyMap<string, string>;

interface Kept {
  disks: Disks;
  readonly snapshots: Map<string, Disks>;
}

/** What a machine's disks hold and held. */
export interface DisksAsTheyAre {
  readonly disks: Readonly<Record<string, string>>;
  readonly snapshots: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The snapshots of all machines of a simulated hypervisor. */
export class SimulatedSnapshots implements MachineSnapshots {
  readonly #kept = new Map<string, Kept>();
  readonly #stateOf: (vmId: string) => MachineState | undefined;
  readonly #checkStays: (vmId: string) => void;

  /** @param checkStays throws where a machine is being moved. */
  constructor(stateOf: (vmId: string) => MachineState | undefined, checkStays: (vmId: string) => void = () => {}) {
    this.#stateOf = stateOf;
    this.#checkStays = checkStays;
  }

  /** Makes a new machine's disks. @throws DriverError "missing" if what they are copied from is not there. */
  make({ vmId, copyOf }: MachineSpec): void {
    this.#kept.set(vmId, { disks: copyOf === undefined ? new Map() : this.#taken(copyOf), snapshots: new Map() });
  }

  forget(vmId: string): void {
    this.#kept.delete(vmId);
  }

  /** All that a machine's disks hold, to be unpacked on another host. */
  pack(vmId: string): DisksAsTheyAre {
    const { disks, snapshots } = this.#of(vmId);
    const taken = [...snapshots].map(([id, held]) => [id, Object.fromEntries(held)] as const);
    return { disks: Object.fromEntries(disks), snapshots: Object.fromEntries(taken) };
  }

  unpack(vmId: string, { disks, snapshots }: DisksAsTheyAre): void {
    const taken = Object.entries(snapshots).map(([id, held]) => [id, new Map(Object.entries(held))] as const);
    this.#kept.set(vmId, { disks: new Map(Object.entries(disks)), snapshots: new Map(taken) });
  }

  /** As a guest would write. */
  write(vmId: string, diskId: string, text: string): void {
    const kept = this.#of(vmId);
    kept.disks = new Map([...kept.disks, [diskId, text]]);
  }

  read(vmId: string, diskId: string): string | undefined {
    return this.#of(vmId).disks.get(diskId);
  }

  /** All snapshots, in the order of ids, for tests. */
  all(): readonly string[] {
    return [...this.#kept]
      .flatMap(([vmId, { snapshots }]) => [...snapshots.keys()].map((id) => `${vmId}/${id}`))
      .sort();
  }

  async take(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#checkStays(vmId);
    const { disks, snapshots } = this.#of(vmId);
    if (!snapshots.has(snapshotId)) snapshots.set(snapshotId, disks);
  }

  async restore(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#checkStays(vmId);
    const kept = this.#of(vmId);
    const disks = this.#taken({ vmId, snapshotId });
    if (!["stopped", "failed"].includes(this.#stateOf(vmId)?.state ?? ""))
      throw new DriverError("refused", `vm ${vmId} runs; stop it before its disks are put back`);
    kept.disks = disks;
  }

  async remove(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#checkStays(vmId);
    this.#kept.get(vmId)?.snapshots.delete(snapshotId);
  }

  async list(vmId: string): Promise<readonly string[]> {
    return [...(this.#kept.get(vmId)?.snapshots.keys() ?? [])].sort();
  }

  #of(vmId: string): Kept {
    const kept = this.#kept.get(vmId);
    if (kept === undefined) throw new DriverError("missing", `there is no vm ${vmId}`);
    return kept;
  }

  #taken({ vmId, snapshotId }: { readonly vmId: string; readonly snapshotId: string }): Disks {
    const disks = this.#kept.get(vmId)?.snapshots.get(snapshotId);
    if (disks === undefined) throw new DriverError("missing", `vm ${vmId} has no snapshot ${snapshotId}`);
    return disks;
  }
}
