// Where machines may be, and what hosts have promised them: kept in the store, so that all servers say the same. Steps ask it as they ask drivers.
import type { MachineKind, MachineSpec } from "./driver.ts";

/** A machine, and whose it is. */
export interface Whose {
  readonly vmId: string;
  /** {org}/{project} */
  readonly owner: string;
}

/** What a machine has on a host: what it asks for, or less as long as the host has no room for all of it. */
export interface Granted {
  readonly cpu: number;
  readonly memoryMib: number;
  /** GiB by a disk's id; one that is left out waits for room. Undefined: all that is asked for. */
  readonly disks?: Readonly<Record<string, number>>;
}

/** What is asked of a move. */
export interface MoveTerms {
  /** Of the order that it carries out. */
  readonly number: number;
  /** Undefined: the best. */
  readonly hostId?: string;
}

/** How a move ends that leaves the machine where it was. */
export interface Stayed {
  readonly outcome: "failed" | "cancelled";
  /** A sentence. */
  readonly reason: string;
  /** The other host could not be asked to forget it. */
  readonly isLeft: boolean;
}

/** What a drain asks of a machine. */
export interface DrainTerms {
  readonly hostId: string;
  /** Shut it down if it can't be moved while it runs. */
  readonly stop: boolean;
}

/** A machine of a host, and what is known of its move. */
export interface PlacedMachine extends Whose {
  readonly name: string;
  /** Undefined: it is here, and nothing is asked of it. */
  readonly move?: "ordered" | "under way" | "arriving";
  /** Why the last move came to nothing, and when. */
  readonly failed?: { readonly reason: string; readonly at: number };
  /** It is made anew where its host is lost. */
  readonly rebuilds: boolean;
}

/** What is left of a machine on a host that it is not on any more. */
export interface Leftover extends Whose {
  readonly hostId: string;
}

/** A machine as far as the choice of its host is concerned; "" is the id of one that is not made yet. */
export interface PlaceQuestion extends Whose {
  readonly cpu: number;
  readonly memoryMib: number;
  readonly diskGib: number;
  readonly architecture: MachineSpec["architecture"];
  readonly machine: MachineKind;
  readonly hostLabels: Readonly<Record<string, string>>;
  readonly groupIds: readonly string[];
  readonly imageId?: string;
  readonly copyOf?: NonNullable<MachineSpec["copyOf"]>;
}

/** Why a host may not run a machine. */
export interface Obstacle {
  /** A stable word: it is told to users. */
  readonly reason:
    | "unreachable"
    | "unschedulable"
    | "draining"
    | "architecture"
    | "machine_type"
    | "driver"
    | "host_labels"
    | "placement_group"
    | "snapshot"
    | "leftover"
    | "current"
    | "memory"
    | "disk"
    | "cpu";
  /** Of this very host, for operators. */
  readonly message: string;
}

export interface Verdict {
  readonly hostId: string;
  /** None: the machine may run there. */
  readonly obstacles: readonly Obstacle[];
  /** The one with the most is chosen; 0 to 1. */
  readonly score: number;
}

/** What a drain would do with a machine. */
export interface PlannedMove extends Whose {
  readonly name: string;
  /** Undefined: it can't be moved. */
  readonly targetHostId?: string;
  /** Why not, or how. */
  readonly reason: string;
}

/** Every method is one transaction, or none: done again it changes nothing more. */
export interface Places {
  /**
   * Where a machine is; one that is nowhere gets the best place, stored with it before this resolves. What its host has promised it follows its
   * size; what that has no room for waits (`granted`), and nothing else does.
   *
   * @throws DriverError "unavailable" while no host has room for it, with the reasons.
   */
  place(spec: MachineSpec, signal: AbortSignal): Promise<string>;
  /** What a machine may have on a host now. Undefined: it has no place there. */
  granted(at: { readonly vmId: string; readonly hostId: string }): Promise<Granted | undefined>;
  /** Frees what was promised for it. Where its host can't be asked to remove it (`isLeft`), that is noted for when it can. */
  release(machine: Whose, isLeft: (hostId: string) => boolean): Promise<void>;
  /** Gives up a machine's place on a lost host for another one. @throws DriverError "unavailable" while no host has room for it. */
  rebuild(spec: MachineSpec, signal: AbortSignal): Promise<void>;
  /** Chooses where a machine is moved to, and has room kept there. Where there is none, the move has failed. */
  beginMove(spec: MachineSpec, terms: MoveTerms, signal: AbortSignal): Promise<void>;
  /** The machine is its new host's; what is left on the old one is noted. */
  arrive(machine: Whose): Promise<void>;
  /** The move is over, the machine is where it was. */
  stay(machine: Whose, stayed: Stayed): Promise<void>;
  /** Orders a move, unless one is ordered or under way. */
  orderMove(machine: Whose, terms: DrainTerms): Promise<void>;
  /** Says with a host that was given up how many machines are left of it, and why. */
  noteWaiting(hostId: string, left: number, waiting: readonly (Whose & { readonly reason: string })[]): Promise<void>;
  /** Has a machine looked at. */
  wake(machine: Whose): Promise<void>;
  /** Takes back the orders of a drain. */
  cancelMoves(hostId: string): Promise<void>;
  /** All that have a place on a host. */
  machinesOn(hostId: string): Promise<readonly PlacedMachine[]>;
  /** What is left on a host of machines that are elsewhere, or gone. */
  leftovers(hostId: string): Promise<readonly Leftover[]>;
  /** It was removed there. */
  swept(leftover: Leftover): Promise<void>;
  /** What each host says to a machine, the one that it is on included. */
  explain(question: PlaceQuestion): Promise<readonly Verdict[]>;
  /** What a drain would move where, one after the other. */
  previewDrain(hostId: string, options: { readonly stop: boolean }): Promise<readonly PlannedMove[]>;
}
