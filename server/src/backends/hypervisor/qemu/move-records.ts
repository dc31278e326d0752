// What must be known of a move when the driver that made it has ended: which host has the machine.
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { MachineSpec, MoveOffer } from "../driver.ts";
import type { Words } from "../moving/line.ts";
import { readWhole, writeWhole } from "./definition.ts";
import type { MachineFiles } from "./layout.ts";

/** At the source, from where it hands a machine over. */
export interface Departure {
  readonly phase: "handing" | "gone";
  readonly offer: MoveOffer;
  readonly last: Words;
}

/** At the destination. While there is no definition beside it the machine has not come. */
export interface Arrival {
  readonly spec: MachineSpec;
  readonly secret: string;
  readonly fromHostId?: string;
}

const departureOf = ({ folder }: MachineFiles): string => join(folder, "departure.json");
const arrivalOf = ({ folder }: MachineFiles): string => join(folder, "arrival.json");

export const readDeparture = (files: MachineFiles): Departure | undefined => readWhole<Departure>(departureOf(files));
export const readArrival = (files: MachineFiles): Arrival | undefined => readWhole<Arrival>(arrivalOf(files));

export function writeDeparture(files: MachineFiles, departure: Departure): void {
  writeWhole(departureOf(files), departure);
}

export function writeArrival(files: MachineFiles, arrival: Arrival): void {
  writeWhole(arrivalOf(files), arrival);
}

export function forgetDeparture(files: MachineFiles): void {
  rmSync(departureOf(files), { force: true });
}

export function forgetArrival(files: MachineFiles): void {
  rmSync(arrivalOf(files), { force: true });
}
