// The few verbs that no annotation can describe: they move bytes, not messages, or speak with someone who is not logged in.
import type { Kind } from "@photoncloud/proto";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addBreakGlassVerbs } from "./break-glass-open.ts";
import { addImportVerb } from "./image-import.ts";
import { addInvitationVerbs } from "./invitation-accept.ts";
import { addConsoleVerbs } from "./vm-console.ts";
import { addExportVerb } from "./vm-export.ts";

const byHand: Readonly<Record<string, (command: Command, kind: Kind, io: Io) => void>> = {
  "iam.v1.BreakGlass": (command, _, io) => addBreakGlassVerbs(command, io),
  "iam.v1.Invitation": (command, _, io) => addInvitationVerbs(command, io),
  "plasmavmc.v1.Image": addImportVerb,
  "plasmavmc.v1.Vm": (command, kind, io) => {
    addConsoleVerbs(command, kind, io);
    addExportVerb(command, kind, io);
  },
};

export function addVerbsByHand(command: Command, kind: Kind, io: Io): void {
  byHand[kind.typeName]?.(command, kind, io);
}
