// The place that a destination makes for a machine: its folder, its disks, and a process that waits where the machine runs. Until it has come it is
// no machine of this host's, and all of it goes again where the move breaks off.
import { mkdirSync, rmSync } from "node:fs";
import type { Duplex } from "node:stream";
import type { MachineSpec } from "../driver.ts";
import type { Words } from "../moving/line.ts";
import type { Berth } from "../moving/receiver.ts";
import type { Definition } from "./definition.ts";
import type { Host } from "./host.ts";
import { clearAway } from "./launch.ts";
import { type MachineFiles, machineFiles } from "./layout.ts";
import { Machine } from "./machine.ts";
import { unpacked } from "./move-connections.ts";
import { checkedHello, type Hello } from "./move-hello.ts";
import { diskOfChannel } from "./move-names.ts";
import { type Arrival, writeArrival } from "./move-records.ts";
import { RunningBerth } from "./move-running-berth.ts";
import { StoppedBerth } from "./move-stopped.ts";

export interface BerthOptions {
  readonly host: Host;
  /** What the cloud says of it. */
  readonly spec: MachineSpec;
  /** What is written down of its coming. */
  readonly arrival: () => Arrival;
  /** The digest of an image that is here. */
  readonly digestOf: (imageId: string) => string | undefined;
  /** It is a machine of this host's from here on. */
  readonly came: (machine: Machine) => void;
}

export class MachineBerth implements Berth {
  readonly #options: BerthOptions;
  readonly #files: MachineFiles;
  #machine: Machine | undefined;
  #base: string | undefined;
  #inside: RunningBerth | StoppedBerth | undefined;
  #broke: (reason: string) => void = () => {};

  constructor(options: BerthOptions) {
    this.#options = options;
    this.#files = machineFiles(options.host.folders, options.spec.vmId);
  }

  async prepare(described: Words, broke: (reason: string) => void): Promise<Words> {
    const { host, spec, arrival } = this.#options;
    const hello = checkedHello(described, spec, host);
    this.#broke = broke;
    mkdirSync(this.#files.folder, { recursive: true, mode: 0o711 });
    writeArrival(this.#files, arrival());
    // A mirror writes over what snapshots left: then all of it must come.
    this.#base = (hello.running?.snapshots.length ?? 0) > 0 ? undefined : this.#baseOf(hello);
    const machine = new Machine(host, this.#definitionOf(hello));
    this.#machine = machine;
    const { running } = hello;
    if (running === undefined) {
      this.#inside = new StoppedBerth(this.#files);
      return {};
    }
    const inside = new RunningBerth(host, machine, running);
    this.#inside = inside;
    await inside.open(this.#base, broke);
    return { sync: this.#base === undefined ? "full" : "top" };
  }

  take(channel: string, stream: Duplex): void {
    const disk = diskOfChannel(channel);
    if (this.#inside instanceof RunningBerth) this.#inside.take(disk, stream);
    else if (disk !== undefined && this.#inside !== undefined) this.#inside.take(disk, stream, this.#broke);
    else stream.destroy();
  }

  async come(last: Words): Promise<void> {
    const [machine, inside] = [this.#machine, this.#inside];
    if (machine === undefined || inside === undefined) throw new Error("there is no place for it");
    if (inside instanceof RunningBerth) await inside.finish(last);
    else await inside.finish({ disks: machine.spec.disks, last, base: this.#base });
    await machine.settleIn(inside instanceof RunningBerth ? unpacked(last.connections) : undefined);
    this.#options.came(machine);
  }

  async forget(): Promise<void> {
    const [machine, inside] = [this.#machine, this.#inside];
    [this.#machine, this.#inside, this.#base] = [undefined, undefined, undefined];
    this.#broke = () => {};
    if (inside instanceof RunningBerth) await inside.close();
    if (machine !== undefined) await machine.remove(new AbortController().signal);
    else await clearAway(this.#options.host, this.#options.spec, this.#files);
    rmSync(this.#files.folder, { recursive: true, force: true });
  }

  /** A disk may stand on this host's image only if that has the very same bytes. */
  #baseOf({ definition, image }: Hello): string | undefined {
    const { host, digestOf } = this.#options;
    const { imageId } = definition;
    if (imageId === undefined || image === undefined || digestOf(imageId) !== image) return undefined;
    return host.imageFile(imageId);
  }

  #definitionOf({ definition }: Hello): Definition {
    const { imageId, ...rest } = definition;
    return { ...rest, ...(this.#base !== undefined && imageId !== undefined && { imageId }) };
  }
}
