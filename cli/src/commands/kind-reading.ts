// The verbs that read: list, get, watch.
import type { Kind } from "@photoncloud/proto";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printLine, printList, printOne } from "../output.ts";
import { textOf } from "../plain.ts";
import { resolveId } from "../resolve.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { UsageError } from "../usage-error.ts";

interface ListFlags extends CommonOptions {
  readonly filter?: string;
  readonly limit?: string;
}

interface WatchFlags extends CommonOptions {
  readonly cursor?: string;
}

async function list(kind: Kind, options: ListFlags, io: Io): Promise<void> {
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(limit > 0)) throw new UsageError(`--limit: ${options.limit} was given; a number above 0 is wanted`);
  const session = openSession(io, options);
  const filter = options.filter === undefined ? {} : { filter: options.filter };
  const found = [];
  for await (const resource of session.of(kind).list({ ...session.call, ...filter, pageSize: Math.min(limit, 1000) })) {
    found.push(resource);
    if (found.length >= limit) break;
  }
  printList(io, session.format, kind, found);
}

async function get(kind: Kind, given: string, options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const client = session.of(kind);
  printOne(
    io,
    session.format,
    await client.get(await resolveId(kind, client, given, session.call), session.call),
    kind.fields,
  );
}

async function watch(kind: Kind, given: string | undefined, options: WatchFlags, io: Io): Promise<void> {
  const session = openSession(io, options);
  const client = session.of(kind);
  const id = given === undefined ? undefined : await resolveId(kind, client, given, session.call);
  const { cursor } = options;
  for await (const event of client.watch({ ...session.tenant, signal: io.signal, id, cursor })) {
    if (event.change === "bookmark") continue;
    const { resource, change } = event;
    printLine(io, session.format, event, [change, resource.id, textOf(resource.name), resource.status.state]);
  }
}

export function addReadingVerbs(command: Command, kind: Kind, io: Io): void {
  const plural = kind.plural.replaceAll("_", " ");
  addCommonOptions(command.command("list").description(`lists the ${plural}`))
    .option("--filter <terms>", 'for example: name = "web" AND vpc_id = "vpc-…"')
    .option("--limit <count>", "stop after so many")
    .action((options: ListFlags) => list(kind, options, io));
  addCommonOptions(command.command("get").argument("<id|name>").description("shows one")).action(
    (given: string, options: CommonOptions) => get(kind, given, options, io),
  );
  addCommonOptions(
    command.command("watch").argument("[id|name]").description("shows what is there and what changes, until stopped"),
  )
    .option("--cursor <cursor>", "only what follows it")
    .action((given: string | undefined, options: WatchFlags) => watch(kind, given, options, io));
}
