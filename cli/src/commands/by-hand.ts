// The few verbs that no annotation can describe: they move bytes, not messages.
import type { Kind } from "@photoncloud/proto";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addImportVerb } from "./image-import.ts";
import { addConsoleVerbs } from "./vm-console.ts";

const byHand: Readonly<Record<string, (command: Command, kind: Kind, io: Io) => void>> = {
  "plasmavmc.v1.Image": addImportVerb,
  "plasmavmc.v1.Vm": addConsoleVerbs,
};

export function addVerbsByHand(command: Command, kind: Kind, io: Io): void {
  byHand[kind.typeName]?.(command, kind, io);
}
