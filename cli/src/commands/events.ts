// photon events list | watch; photon whoami
import type { Event } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData, printLine, printOne } from "../output.ts";
import { textOf } from "../plain.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { tableText } from "../table.ts";
import { UsageError } from "../usage-error.ts";

interface EventOptions extends CommonOptions {
  readonly cursor?: string;
  readonly kind?: string;
  readonly resource?: string;
  readonly limit?: string;
}

const headings = ["TIME", "TYPE", "ACTOR", "KIND", "RESOURCE", "METHOD"];

function cells(event: Event): string[] {
  const method = event.method.slice(event.method.lastIndexOf("/") + 1);
  return [textOf(event.time), event.type, event.actor, event.kind, event.resourceId, method];
}

function limitOf(options: EventOptions): number {
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (limit > 0) return limit;
  throw new UsageError(`--limit: ${options.limit} was given; a number above 0 is wanted`);
}

async function list(options: EventOptions, io: Io): Promise<void> {
  const limit = limitOf(options);
  const session = openSession(io, options);
  const events: Event[] = [];
  const { cursor, kind, resource: resourceId } = options;
  for await (const event of session.cloud.events.list({ ...session.call, cursor, kind, resourceId })) {
    events.push(event);
    if (events.length >= limit) break;
  }
  if (session.format === "table") io.out(tableText(headings, events.map(cells)));
  else printData(io, session.format, events);
}

async function watch(options: EventOptions, io: Io): Promise<void> {
  const limit = limitOf(options);
  const session = openSession(io, options);
  const { cursor, kind } = options;
  let count = 0;
  for await (const event of session.cloud.events.watch({ ...session.tenant, signal: io.signal, cursor, kind })) {
    printLine(io, session.format, event, cells(event));
    count += 1;
    if (count >= limit) return;
  }
}

export function addEventsCommand(program: Command, io: Io): void {
  const events = program.command("events").description("the log of everything that was done or refused");
  const withOptions = (name: string, description: string) =>
    addCommonOptions(
      events
        .command(name)
        .description(description)
        .option("--cursor <cursor>", "events after this one")
        .option("--kind <name>", 'of one kind alone: "prismnet.v1.Vpc"')
        .option("--limit <count>", "stop after so many"),
    );
  withOptions("list", "shows them, oldest first")
    .option("--resource <id>", "of one resource alone")
    .action((options: EventOptions) => list(options, io));
  withOptions("watch", "goes on as they happen, from the cursor or from now").action((options: EventOptions) =>
    watch(options, io),
  );
}

export function addWhoAmICommand(program: Command, io: Io): void {
  addCommonOptions(program.command("whoami").description("shows who you are to the cloud")).action(
    async (options: CommonOptions) => {
      const session = openSession(io, options);
      printOne(io, session.format, await session.cloud.tokens.whoAmI({}, session.call));
    },
  );
}
