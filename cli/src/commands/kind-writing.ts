// The verbs that write: create, update, delete.
import { isDeepStrictEqual } from "node:util";
import type { Kind } from "@photoncloud/proto";
import type { CallOptions } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { AnyResource } from "../clients.ts";
import { addFieldOptions, givenFlags, givenSecrets } from "../field-options.ts";
import { type Flag, flagsOf } from "../flags.ts";
import { applyFlags, applySecrets, checkRequired, type Input, readInputFile } from "../input.ts";
import type { Io } from "../io.ts";
import { printOne } from "../output.ts";
import { resolveId, resolveReferences } from "../resolve.ts";
import { addCommonOptions, openSession, type Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";
import { addWaitOption, changed, untilGone, untilReady, type WaitFlags } from "../waiting.ts";

/** "an" before a vowel's letter; nouns are written so that this is right. */
const article = (noun: string) => (/^[aeio]/.test(noun) ? "an" : "a");

interface WriteFlags extends WaitFlags {
  readonly file?: string;
  readonly etag?: string;
  readonly clear?: readonly string[];
  readonly allowDataLoss?: boolean;
}

type Remember = (flags: readonly Flag[]) => void;

/** A file, the flags over it, the secrets over both; names replaced by ids. */
async function inputOf(kind: Kind, flags: readonly Flag[], command: Command, session: Session): Promise<Input> {
  const { file } = command.opts<WriteFlags>();
  const input = file === undefined ? {} : await readInputFile(kind, file, session.io);
  const given = givenFlags(command, flags);
  applyFlags(input, flags, given);
  await applySecrets(input, kind, flags, givenSecrets(command, flags), session.io);
  return resolveReferences(input, kind.fields, { all: flags, given }, session);
}

async function create(kind: Kind, flags: readonly Flag[], command: Command, io: Io): Promise<void> {
  const options = command.opts<WriteFlags>();
  const session = openSession(io, options);
  const input = await inputOf(kind, flags, command, session);
  checkRequired(input, kind, flags);
  const client = session.of(kind);
  const send = (call: CallOptions) => client.create(input, call);
  const made = await changed(session, options, { send, settled: untilReady(client, session, options) });
  printOne(io, session.format, made, kind.fields);
}

function setNull(input: Input, flag: Flag): void {
  const parents = flag.path.slice(0, -1);
  const target = parents.reduce<Input>((at, key) => {
    const inner: unknown = at[key];
    const next: Input = typeof inner === "object" && inner !== null ? { ...inner } : {};
    at[key] = next;
    return next;
  }, input);
  target[flag.path.at(-1) ?? ""] = null;
}

function applyClears(input: Input, flags: readonly Flag[], names: readonly string[]): void {
  for (const name of names) {
    const flag = flags.find((candidate) => candidate.name === name || candidate.protoPath === name);
    if (flag === undefined)
      throw new UsageError(`--clear: ${name} was given; allowed: ${flags.map((f) => f.name).join(", ")}`);
    setNull(input, flag);
  }
}

/** Leaves out of a file's fields what is as it is, so that what `get -o yaml` printed and was edited can be given back. */
function changesOnly(input: Input, current: AnyResource): Input {
  const now: Readonly<Record<string, unknown>> = { ...current };
  return Object.fromEntries(Object.entries(input).filter(([key, value]) => !isDeepStrictEqual(value, now[key])));
}

async function update(kind: Kind, flags: readonly Flag[], given: string, command: Command, io: Io): Promise<void> {
  const options = command.opts<WriteFlags>();
  const session = openSession(io, options);
  const client = session.of(kind);
  const input = await inputOf(kind, flags, command, session);
  applyClears(input, flags, options.clear ?? []);
  const id = await resolveId(kind, client, given, session.call);
  const changes = options.file === undefined ? input : changesOnly(input, await client.get(id, session.call));
  if (Object.keys(changes).length === 0 && options.file === undefined)
    throw new UsageError("nothing to change: give at least one field's flag, --clear or -f");
  const writing = { etag: options.etag, allowDataLoss: options.allowDataLoss };
  const send = (call: CallOptions) => client.update(id, changes, { ...call, ...writing });
  const updated = await changed(session, options, { send, settled: untilReady(client, session, options) });
  printOne(io, session.format, updated, kind.fields);
}

async function remove(kind: Kind, given: string, options: WriteFlags, io: Io): Promise<void> {
  const session = openSession(io, options);
  const client = session.of(kind);
  const id = await resolveId(kind, client, given, session.call);
  const send = (call: CallOptions) => client.delete(id, { ...call, etag: options.etag });
  await changed(session, options, { send, settled: untilGone(client, session, options) });
  const waited = options.wait === true || options.waitProgrammed === true;
  io.err(`${waited ? "deleted" : "deleting"} ${id}\n`);
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

export function addWritingVerbs(command: Command, kind: Kind, io: Io, remember: Remember): void {
  const noun = kind.noun.replaceAll("_", " ");
  const creating = flagsOf(kind.fields, false);
  const updating = flagsOf(kind.fields, true);
  const creation = addFieldOptions(
    command.command("create").description(`creates ${article(noun)} ${noun}`),
    kind,
    creating,
  ).option("-f, --file <file>", "fields from a YAML or JSON file; - for standard input; flags win over it");
  addCommonOptions(addWaitOption(creation, "until it is ready")).action((_, self: Command) => {
    remember(creating);
    return create(kind, creating, self, io);
  });
  const change = addFieldOptions(
    command.command("update").argument("<id|name>").description("changes what is given and nothing else"),
    kind,
    updating,
  )
    .option("--clear <field>", "makes a field unset; repeatable", collect)
    .option("-f, --file <file>", "fields from a YAML or JSON file; what is as it is stays untouched")
    .option("--etag <etag>", "only if it has not changed since")
    .option("--allow-data-loss", "also where that destroys data that nothing brings back");
  addCommonOptions(addWaitOption(change, "until it is ready")).action((given: string, _, self: Command) => {
    remember(updating);
    return update(kind, updating, given, self, io);
  });
  const removal = command.command("delete").argument("<id|name>").description("deletes one");
  removal.option("--etag <etag>", "only if it has not changed since");
  addCommonOptions(addWaitOption(removal, "until it is gone")).action((given: string, options: WriteFlags) =>
    remove(kind, given, options, io),
  );
}
