// The moves of this host's machines, and what is to be done about those that another process of this driver was in the middle of.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MoveOffer } from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import { Moves } from "../moving/moves.ts";
import { type Berth, Receiver } from "../moving/receiver.ts";
import { Sender } from "../moving/sender.ts";
import type { Host } from "./host.ts";
import { clearAway } from "./launch.ts";
import { imagesFolder, type MachineFiles } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { MachineBerth } from "./move-berth.ts";
import { checkMovable, MachineCargo } from "./move-cargo.ts";
import { unpacked } from "./move-connections.ts";
import { diskChannel, memoryChannel } from "./move-names.ts";
import { type Arrival, type Departure, forgetArrival } from "./move-records.ts";
import { kill, type ProcessIdentity } from "./process.ts";

/** What moves need of the driver. */
export interface QemuMoving {
  readonly host: Host;
  readonly transport: MoveTransport;
  readonly hostId: string | undefined;
  readonly machines: Map<string, Machine>;
  /** @throws DriverError "refused" where this host can't run it. */
  checkRuns(spec: MachineSpec): void;
  remove(vmId: string, signal: AbortSignal): Promise<void>;
}

export function qemuMoves(moving: QemuMoving): QemuMoves {
  return new QemuMoves(moving);
}

export class QemuMoves extends Moves {
  readonly #moving: QemuMoving;

  constructor(moving: QemuMoving) {
    const { host, transport, hostId, machines, remove } = moving;
    const arrivals = new Map<string, Arrival>();
    super({
      transport,
      hostId,
      clock: host.clock,
      has: (vmId) => machines.has(vmId),
      cargoOf: async (vmId, offer) => cargoOf(moving, vmId, offer),
      berthFor: async (spec) => berthFor(moving, spec, arrivals),
      clear: remove,
      settled: (vmId) => {
        const machine = machines.get(vmId);
        if (machine !== undefined) forgetArrival(machine.files);
        arrivals.delete(vmId);
      },
      waits: (spec, secret) =>
        arrivals.set(spec.vmId, {
          spec,
          secret,
          ...(spec.hostId !== undefined && { fromHostId: spec.hostId }),
        }),
    });
    this.#moving = moving;
  }

  /** Goes on with a machine that was handed over, or knows that it has left. */
  adoptDeparture(machine: Machine, { phase, offer, last }: Departure): void {
    const { host, transport } = this.#moving;
    const { vmId } = machine.spec;
    const cargo = new MachineCargo({ host, machine, offer, digestOf: digestsOf(host) });
    const sender = new Sender({ vmId, offer, transport, cargo, clock: host.clock });
    this.adoptSender(vmId, sender);
    machine.hadConnections(unpacked(last.connections));
    if (phase === "gone") sender.hasLeft();
    else sender.resume(last);
  }

  /** Waits again for the sender of a machine that has come. */
  async adoptArrival(machine: Machine, { spec, secret, fromHostId }: Arrival): Promise<void> {
    const { transport, hostId } = this.#moving;
    const { vmId } = machine.spec;
    const berth = new MachineBerth({
      host: this.#moving.host,
      spec,
      digestOf: () => undefined,
      came: () => {},
      arrival: () => ({ spec, secret }),
    });
    const came = { secret };
    await this.adoptReceiver(vmId, new Receiver({ vmId, hostId, fromHostId, channels: [], transport, berth, came }));
  }
}

/** Takes away what came in part while another process of this driver waited for it. */
export async function sweepArrival(
  host: Host,
  files: MachineFiles,
  { spec }: Arrival,
  stray: ProcessIdentity | undefined,
): Promise<void> {
  if (stray !== undefined) kill(stray);
  await clearAway(host, spec, files);
  rmSync(files.folder, { recursive: true, force: true });
}

function cargoOf({ host, machines }: QemuMoving, vmId: string, offer: MoveOffer): MachineCargo {
  const machine = machines.get(vmId);
  if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to move`);
  checkMovable(machine);
  return new MachineCargo({ host, machine, offer, digestOf: digestsOf(host) });
}

function berthFor(
  { host, machines, checkRuns }: QemuMoving,
  spec: MachineSpec,
  arrivals: ReadonlyMap<string, Arrival>,
): { readonly berth: Berth; readonly channels: readonly string[] } {
  checkRuns(spec);
  const { vmId, imageId } = spec;
  if (imageId !== undefined && host.imageFile(imageId) === undefined)
    throw new DriverError("missing", `vm ${vmId} needs image ${imageId}, which is not there`);
  const berth = new MachineBerth({
    host,
    spec,
    digestOf: digestsOf(host),
    arrival: () => arrivals.get(vmId) ?? { spec, secret: "" },
    came: (machine) => machines.set(vmId, machine),
  });
  return { berth, channels: [memoryChannel, ...spec.disks.map(({ id }) => diskChannel(id))] };
}

/** The digest of an image's bytes as they came; undefined: it is not known. */
function digestsOf({ folders }: Host): (imageId: string) => string | undefined {
  return (imageId) => {
    try {
      return JSON.parse(readFileSync(join(imagesFolder(folders), `${imageId}.json`), "utf8")).digest;
    } catch {
      return undefined;
    }
  };
}
