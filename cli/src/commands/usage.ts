// photon usage list | dimensions: what there is in an org or a project, and what quotas may limit.
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData } from "../output.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { tableText } from "../table.ts";

interface UsageOptions extends CommonOptions {
  readonly all?: boolean;
}

async function list(options: UsageOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const { usage } = await session.cloud.usages.get({}, session.call);
  const shown = usage.filter(({ used, limit }) => options.all === true || used > 0n || limit !== undefined);
  if (session.format !== "table") return printData(io, session.format, shown);
  const rows = shown.map(({ dimension, used, limit, unit }) => [dimension, `${used}`, `${limit ?? ""}`, unit]);
  io.out(tableText(["DIMENSION", "USED", "LIMIT", "UNIT"], rows));
}

async function dimensions(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const { dimensions: all } = await session.cloud.usages.listDimensions({}, session.call);
  if (session.format !== "table") return printData(io, session.format, all);
  const rows = all.map(({ name, unit, kinds, description }) => [name, unit, kinds.join(" "), description]);
  io.out(tableText(["DIMENSION", "UNIT", "OF", "WHAT"], rows));
}

export function addUsageCommand(program: Command, io: Io): void {
  const usage = program
    .command("usage")
    .description("what there is in an org or a project, and how much more there may be");
  addCommonOptions(usage.command("list").description("what is used, and the limits of this very scope"))
    .option("--all", "what is neither used nor limited, too")
    .action((options: UsageOptions) => list(options, io));
  addCommonOptions(usage.command("dimensions").description("what quotas may limit")).action((options: CommonOptions) =>
    dimensions(options, io),
  );
}
