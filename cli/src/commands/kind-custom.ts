// The verbs of a kind's own methods: photon vm start ID, photon port attach-device ID --device-id X.
import { fieldsOf, type Kind, type Method, shortMethodName, snakeCase } from "@photoncloud/proto";
import type { CallOptions } from "@photoncloud/sdk";
import type { Command } from "commander";
import { type AnyResource, customMethod } from "../clients.ts";
import { addFieldOptions, givenFlags } from "../field-options.ts";
import { type Flag, flagsOf } from "../flags.ts";
import { applyFlags } from "../input.ts";
import type { Io } from "../io.ts";
import { printOne } from "../output.ts";
import { resolveId, resolveReferences } from "../resolve.ts";
import { addCommonOptions, openSession } from "../session.ts";
import { addWaitOption, changed, untilReady, type WaitFlags } from "../waiting.ts";

/** attachDevice → attach-device */
export function verbOf(kind: Kind, method: Method): string {
  return snakeCase(shortMethodName(method.desc.name, [kind.name])).replaceAll("_", "-");
}

async function run(
  kind: Kind,
  method: Method,
  flags: readonly Flag[],
  given: string,
  self: Command,
  io: Io,
): Promise<void> {
  const options = self.opts<WaitFlags>();
  const session = openSession(io, options);
  const client = session.of(kind);
  const id = await resolveId(kind, client, given, session.call);
  const texts = givenFlags(self, flags);
  const flat = {};
  applyFlags(flat, flags, texts);
  const input = await resolveReferences(flat, fieldsOf(method.desc.input), { all: flags, given: texts }, session);
  const call = customMethod(client, shortMethodName(method.desc.name, [kind.name]));
  const send = (terms: CallOptions) => (flags.length > 0 ? call(id, input, terms) : call(id, terms));
  const answer = kind.queries.includes(method)
    ? await send(session.call)
    : await changed(session, options, {
        send: async (terms) => resourceOf(await send(terms)),
        settled: untilReady(client, session, options),
      });
  if (typeof answer === "object" && answer !== null) printOne(io, session.format, answer);
}

/** What changes a resource answers it. */
function resourceOf(answer: unknown): AnyResource {
  if (isResource(answer)) return answer;
  throw new Error("the method did not answer a resource");
}

function isResource(answer: unknown): answer is AnyResource {
  return typeof answer === "object" && answer !== null && "id" in answer && "status" in answer;
}

export function addCustomVerbs(command: Command, kind: Kind, io: Io, remember: (flags: readonly Flag[]) => void): void {
  for (const method of kind.custom) {
    const flags = flagsOf(
      fieldsOf(method.desc.input).filter((field) => field.name !== "id"),
      false,
    );
    const verb = command.command(verbOf(kind, method)).argument("<id|name>").description(method.comment);
    addFieldOptions(verb, kind, flags);
    if (!kind.queries.includes(method)) addWaitOption(verb, "until it is ready");
    addCommonOptions(verb).action((given: string, _, self: Command) => {
      remember(flags);
      return run(kind, method, flags, given, self, io);
    });
  }
}
