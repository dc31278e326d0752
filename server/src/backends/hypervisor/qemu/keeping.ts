// A new machine on the disk. Its process may load itself meanwhile: a power cut takes that with it, and whoever comes after us goes on.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type Definition, readWhole, writeBeside, writeOut } from "./definition.ts";
import type { MachineFiles } from "./layout.ts";
import { diskFull, isFull } from "./programs.ts";

/**
 * Has a new machine on the disk when it resolves: its disks and its definition at once, then their names. As soon as it is called the definition lies
 * beside its place.
 *
 * @throws the system's error at once where it can't be written; DriverError "unavailable" later where there is no room
 */
export function keepNew(files: MachineFiles, definition: Definition): Promise<void> {
  return keepAll(files, definition, writeBeside(files.definition, definition));
}

async function keepAll(files: MachineFiles, { spec }: Definition, putInPlace: () => void): Promise<void> {
  const disks = spec.disks.map(({ id }) => files.disk(id));
  try {
    await Promise.all([`${files.definition}.new`, ...disks].map(writeOut));
    putInPlace();
    await Promise.all([files.folder, dirname(files.folder)].map(writeOut));
  } catch (error) {
    throw isFull(error) ? diskFull(error) : error;
  }
}

/**
 * Keeps a machine whose driver ended while it did. That there is a process of the machine proves that there was no power cut since: what was written
 * is whole. Undefined: nothing was begun.
 */
export async function keepFound(files: MachineFiles): Promise<Definition | undefined> {
  const file = `${files.definition}.new`;
  const definition = existsSync(file) ? readWhole<Definition>(file) : undefined;
  if (definition !== undefined) await keepNew(files, definition);
  return definition;
}
