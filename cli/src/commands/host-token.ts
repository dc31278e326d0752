// photon host token create: draws the token with which a machine joins as a host.
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData } from "../output.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";

async function create(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const answer = await session.cloud.hostJoining.createJoinToken({}, session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  io.out(`${answer.token}\n`);
  io.err(`good for one machine, until ${answer.expireTime?.toISOString() ?? "it is used"}:\n`);
  io.err("  PHOTON_JOIN_TOKEN=TOKEN photon agent join --server URL\n");
}

/** Beneath the command of the kind, where there is one. */
export function addHostTokenCommand(program: Command, io: Io): void {
  const host = program.commands.find((command) => command.name() === "host");
  const token = host?.command("token").description("tokens with which machines join as hosts");
  if (token === undefined) return;
  addCommonOptions(token.command("create").description("draws one, for one machine, good for an hour")).action(
    (options: CommonOptions) => create(options, io),
  );
}
