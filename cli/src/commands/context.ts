// photon context list | use | show | delete
import { type Context, contextsPath, readContexts, updateContexts } from "@photoncloud/sdk/contexts";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { tableText } from "../table.ts";
import { UsageError } from "../usage-error.ts";

function known(path: string, name: string): Context {
  const { contexts } = readContexts(path);
  const context = contexts[name];
  if (context !== undefined) return context;
  const names = Object.keys(contexts).join(", ") || "none";
  throw new UsageError(`there is no context ${name}; there are: ${names}`);
}

function list(io: Io, path: string): void {
  const { current, contexts } = readContexts(path);
  const rows = Object.entries(contexts).map(([name, { endpoint, org, project, principal }]) => [
    name === current ? `* ${name}` : `  ${name}`,
    endpoint,
    org,
    project,
    principal,
  ]);
  io.out(tableText(["  NAME", "ENDPOINT", "ORG", "PROJECT", "PRINCIPAL"], rows));
}

/** Adds the command. No token is ever shown. */
export function addContextCommand(program: Command, io: Io): void {
  const path = contextsPath(io.env);
  const context = program.command("context").description("the clouds that you are logged in to");
  context
    .command("list")
    .description("shows them all; * is in use")
    .action(() => list(io, path));
  context
    .command("use")
    .argument("<name>")
    .description("makes one the current one")
    .action((name: string) => {
      known(path, name);
      updateContexts(path, (file) => ({ ...file, current: name }));
    });
  context
    .command("show")
    .argument("[name]", "default: the current one")
    .description("shows one, without its session")
    .action((name: string | undefined) => {
      const chosen = name ?? readContexts(path).current;
      const { token: _, refreshToken: __, ca, ...shown } = known(path, chosen);
      io.out(
        `${JSON.stringify({ name: chosen, ...shown, ca: ca === undefined ? "" : "its own authority" }, null, 2)}\n`,
      );
    });
  context
    .command("delete")
    .argument("<name>")
    .description("forgets one")
    .action((name: string) => {
      known(path, name);
      updateContexts(path, ({ current, contexts }) => {
        const { [name]: _, ...rest } = contexts;
        return { current: current === name ? "" : current, contexts: rest };
      });
    });
}
