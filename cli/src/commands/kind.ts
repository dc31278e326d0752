// photon <kind> list | get | create | update | delete | watch, and the kind's own verbs: all from the catalog.
import type { Kind } from "@photoncloud/proto";
import type { Command } from "commander";
import type { Flag } from "../flags.ts";
import type { Io } from "../io.ts";
import { addVerbsByHand } from "./by-hand.ts";
import { addCustomVerbs } from "./kind-custom.ts";
import { addReadingVerbs } from "./kind-reading.ts";
import { addWritingVerbs } from "./kind-writing.ts";

/** "security_group" → "security-group" */
export function nounOf(kind: Kind): string {
  return kind.noun.replaceAll("_", "-");
}

/** A description as commander shows it, without its full stop, beginning small where it is a sentence about the verb. */
function describe(kind: Kind): string {
  return kind.comment;
}

/** Adds one kind's command. `remember` hears of the flags in use, for the words of errors. */
export function addKindCommand(program: Command, kind: Kind, io: Io, remember: (flags: readonly Flag[]) => void): void {
  const command = program.command(nounOf(kind)).description(describe(kind));
  addReadingVerbs(command, kind, io);
  addWritingVerbs(command, kind, io, remember);
  addCustomVerbs(command, kind, io, remember);
  addVerbsByHand(command, kind, io);
}
