// photon break-glass open: takes the sealed administrator's token, as a context of its own.
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { keepContext, keptSession } from "./keep-session.ts";

const contextName = "break-glass";

async function open(id: string, options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const answer = await session.cloud.tokens.openBreakGlass({ id }, session.call);
  const { endpoint, ca } = session.reach;
  const trust = ca === undefined ? {} : { ca };
  const context = { endpoint, org: "system", project: "", principal: "break-glass", ...trust, ...keptSession(answer) };
  keepContext(contextName, context, io);
  const until = answer.expireTime?.toISOString() ?? "";
  io.err(
    `you are the sealed administrator until ${until}; context ${contextName}; when done: photon break-glass end ${id}\n`,
  );
}

export function addBreakGlassVerbs(command: Command, io: Io): void {
  addCommonOptions(command.command("open <id>").description("takes the token, once it was approved")).action(
    (id: string, options: CommonOptions) => open(id, options, io),
  );
}
