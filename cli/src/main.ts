// Runs one command line.
import { CommanderError } from "commander";
import { runAgentCommand } from "./commands/agent.ts";
import { completions } from "./commands/completion.ts";
import { runServerCommand } from "./commands/server.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import type { Flag } from "./flags.ts";
import type { Io } from "./io.ts";
import { errorText } from "./print-error.ts";
import { programFor, wholeProgram } from "./program.ts";
import { withPlainWaits } from "./waiting.ts";

function codeOfCommander(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}

/**
 * Runs `photon` with these arguments.
 *
 * @returns the process's exit code; see exit-codes.ts.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  if (args[0] === "server") return runServerCommand(args.slice(1));
  if (args[0] === "agent") return runAgentCommand(args.slice(1));
  if (args[0] === "__complete") {
    io.out(
      completions(wholeProgram(io), args.slice(1))
        .map((word) => `${word}\n`)
        .join(""),
    );
    return exitCodes.ok;
  }
  let flags: readonly Flag[] = [];
  const remember = (inUse: readonly Flag[]) => {
    flags = inUse;
  };
  try {
    await programFor(args[0], io, remember).parseAsync(withPlainWaits(args), { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return codeOfCommander(error);
    io.err(errorText(error, flags));
    return exitCodeOf(error);
  }
}
