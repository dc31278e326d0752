// How a simulated machine moves: nothing is copied but what it is and what its disks hold, and that takes a moment.
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec } from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import type { Words } from "../moving/line.ts";
import { checkSteady, Moves } from "../moving/moves.ts";
import type { Berth } from "../moving/receiver.ts";
import type { Cargo } from "../moving/sender.ts";
import type { MachineAsItIs, SimulatedMachine } from "./machine.ts";
import type { DisksAsTheyAre, SimulatedSnapshots } from "./snapshots.ts";

/** All that there is of a machine. */
interface Whole {
  readonly machine: MachineAsItIs;
  readonly disks: DisksAsTheyAre;
}

interface Source {
  readonly machine: SimulatedMachine;
  readonly snapshots: SimulatedSnapshots;
  readonly clock: Clock;
  /** How long copying takes. */
  readonly moveMs: number;
}

/** What moves need of the driver. */
export interface SimulatedHost extends Omit<Source, "machine"> {
  readonly transport: MoveTransport;
  readonly hostId: string | undefined;
  machineOf(vmId: string): SimulatedMachine | undefined;
  /** @throws DriverError where a machine can't be here. */
  checkRuns(spec: MachineSpec): void;
  /** Makes a machine here that came. */
  place(spec: MachineSpec): SimulatedMachine;
  remove(vmId: string, signal: AbortSignal): Promise<void>;
}

export function simulatedMoves(host: SimulatedHost): Moves {
  const { clock, transport, hostId } = host;
  return new Moves({
    clock,
    transport,
    hostId,
    has: (vmId) => host.machineOf(vmId) !== undefined,
    cargoOf: async (vmId) => cargoOf({ ...host, machine: movable(vmId, host.machineOf(vmId)) }),
    berthFor: async (spec) => {
      host.checkRuns(spec);
      return { berth: berthFor(host, spec.vmId), channels: [] };
    },
    clear: (vmId, signal) => host.remove(vmId, signal),
    settled: () => {},
  });
}

function movable(vmId: string, machine: SimulatedMachine | undefined): SimulatedMachine {
  if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to move`);
  checkSteady(vmId, machine.state);
  return machine;
}

/** What a machine has, in bytes. */
function bytesOf({ memoryMib, disks }: MachineSpec): number {
  return memoryMib * 1024 ** 2 + disks.reduce((sum, { sizeGib }) => sum + sizeGib * 1024 ** 3, 0);
}

function cargoOf({ machine, snapshots, clock, moveMs }: Source): Cargo {
  const { vmId } = machine.spec;
  const totalBytes = bytesOf(machine.spec);
  const begun = clock.now();
  const share = () => Math.min(1, (clock.now() - begun) / Math.max(1, moveMs));
  return {
    describe: async () => ({ spec: machine.spec }),
    progress: () => ({ totalBytes, copiedBytes: Math.floor(totalBytes * share()) }),
    carry: async (_dial, _ready, signal) => {
      await clock.sleep(moveMs, signal);
      signal.throwIfAborted();
      return { machine: machine.freeze(), disks: snapshots.pack(vmId) };
    },
    handOver: () => {},
    stay: async () => machine.thaw(),
    leave: async () => machine.leave(),
  };
}

function berthFor({ place, snapshots }: SimulatedHost, vmId: string): Berth {
  return {
    prepare: async () => ({}),
    take: (_, stream) => stream.destroy(),
    come: async (last) => {
      if (!isWhole(last)) throw new DriverError("refused", `what came of vm ${vmId} is no machine`);
      snapshots.unpack(vmId, last.disks);
      place(last.machine.spec).arrive(last.machine);
    },
    forget: async () => {},
  };
}

/** The other end is this very driver on another host: what it says has the shape that `carry` gives it. */
function isWhole(words: Words | Whole): words is Whole {
  return typeof words.machine === "object" && typeof words.disks === "object";
}
