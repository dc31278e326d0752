// The command's tree. For a known noun only that noun's branch is grown, since growing all of them takes time.
import { catalog, type Kind } from "@photoncloud/proto";
import { Command } from "commander";
import { addAccountCommands } from "./commands/account.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addContextCommand } from "./commands/context.ts";
import { addEventsCommand, addWhoAmICommand } from "./commands/events.ts";
import { addHostTokenCommand } from "./commands/host-token.ts";
import { addKindCommand, nounOf } from "./commands/kind.ts";
import { addLoginCommand } from "./commands/login.ts";
import { addMfaCommand } from "./commands/mfa.ts";
import { addNetworkCommand } from "./commands/network.ts";
import { addUsageCommand } from "./commands/usage.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import type { Flag } from "./flags.ts";
import type { Io } from "./io.ts";

function addAll(program: Command, io: Io, kinds: readonly Kind[], remember: (flags: readonly Flag[]) => void): void {
  program.command("server").description("runs the control plane: photon server --help").allowUnknownOption();
  program.command("agent").description("makes this machine a host: photon agent --help").allowUnknownOption();
  addLoginCommand(program, io);
  addMfaCommand(program, io);
  addAccountCommands(program, io);
  addContextCommand(program, io);
  addWhoAmICommand(program, io);
  for (const kind of kinds) addKindCommand(program, kind, io, remember);
  addHostTokenCommand(program, io);
  addEventsCommand(program, io);
  addNetworkCommand(program, io);
  addUsageCommand(program, io);
  addCompletionCommand(program, io);
}

function emptyProgram(io: Io): Command {
  const program = new Command("photon")
    .description("PhotonCloud from the command line")
    .version("0.1.0")
    .exitOverride()
    // A long flag leaves that many columns of 80 for its text; with fewer it would not be folded at all.
    .configureHelp({ minWidthToWrap: 24 })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showHelpAfterError("(add --help for what it takes)")
    .addHelpText("after", `\n${exitCodesHelp}`);
  return program;
}

export function wholeProgram(io: Io, remember: (flags: readonly Flag[]) => void = () => undefined): Command {
  const program = emptyProgram(io);
  addAll(program, io, catalog().kinds, remember);
  return program;
}

/** The program as far as this first word needs it. */
export function programFor(noun: string | undefined, io: Io, remember: (flags: readonly Flag[]) => void): Command {
  const kind = catalog().kinds.find((candidate) => nounOf(candidate) === noun);
  if (kind === undefined) return wholeProgram(io, remember);
  const program = emptyProgram(io);
  addKindCommand(program, kind, io, remember);
  addHostTokenCommand(program, io);
  return program;
}
