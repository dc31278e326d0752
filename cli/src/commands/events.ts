// photon events list | watch; photon whoami
import type { Event, EventFilter } from "@photoncloud/sdk";
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
  readonly actor?: string;
  readonly decision?: string;
  readonly method?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

const headings = ["TIME", "TYPE", "ACTOR", "KIND", "RESOURCE", "METHOD", "FROM", "CREDENTIAL", "DECIDED BY"];

function cells(event: Event): string[] {
  const method = event.method.slice(event.method.lastIndexOf("/") + 1);
  const { actor, kind, resourceId, sourceIp, credential, decidedBy } = event;
  const type = event.times > 1 ? `${event.type} (${event.times} times)` : event.type;
  return [textOf(event.time), type, actor, kind, resourceId, method, sourceIp, credential, decidedBy];
}

function limitOf(options: EventOptions): number {
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (limit > 0) return limit;
  throw new UsageError(`--limit: ${options.limit} was given; a number above 0 is wanted`);
}

const decisions = ["allowed", "denied"] as const;

function filterOf(options: EventOptions): EventFilter {
  const { kind, resource: resourceId, actor, method } = options;
  const decision = decisions.find((one) => one === options.decision);
  if (options.decision !== undefined && decision === undefined)
    throw new UsageError(`--decision: ${options.decision} was given; allowed or denied is wanted`);
  const startTime = timeOf("--since", options.since);
  return { kind, resourceId, actor, method, decision, startTime, endTime: timeOf("--until", options.until) };
}

function timeOf(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(`${flag}: ${text} was given; a time such as 2026-01-31T12:00:00Z is wanted`);
}

async function list(options: EventOptions, io: Io): Promise<void> {
  const limit = limitOf(options);
  const session = openSession(io, options);
  const events: Event[] = [];
  const { cursor } = options;
  for await (const event of session.cloud.events.list({ ...session.call, ...filterOf(options), cursor })) {
    events.push(event);
    if (events.length >= limit) break;
  }
  if (session.format === "table") io.out(tableText(headings, events.map(cells)));
  else printData(io, session.format, events);
}

async function watch(options: EventOptions, io: Io): Promise<void> {
  const limit = limitOf(options);
  const session = openSession(io, options);
  const { cursor } = options;
  let count = 0;
  const terms = { ...session.tenant, ...filterOf(options), signal: io.signal, cursor };
  for await (const event of session.cloud.events.watch(terms)) {
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
        .option("--resource <id>", "of one resource alone")
        .option("--actor <name>", 'of one actor alone: "user:acme-corp/ada"')
        .option("--decision <decision>", "allowed or denied")
        .option("--method <name>", 'of one method alone: "prismnet.v1.VpcService/CreateVpc"')
        .option("--since <time>", "not before it: 2026-01-31T12:00:00Z")
        .option("--until <time>", "before it")
        .option("--limit <count>", "stop after so many"),
    );
  withOptions("list", "shows them, oldest first").action((options: EventOptions) => list(options, io));
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
