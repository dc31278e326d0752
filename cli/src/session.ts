// One run of the command: its surroundings, its options that every command has, and the cloud it speaks to.
import { PhotonCloud } from "@photoncloud/sdk";
import { fromEnvironment } from "@photoncloud/sdk/contexts";
import { type Command, Option } from "commander";
import { type Clients, clientsOf, type Tenant } from "./clients.ts";
import type { Io } from "./io.ts";
import { type Format, formats } from "./output.ts";
import { UsageError } from "./usage-error.ts";

/** Options of every command that calls the cloud. */
export interface CommonOptions {
  readonly org?: string;
  readonly project?: string;
  readonly context?: string;
  readonly output?: Format;
  /** Seconds. */
  readonly timeout?: string;
}

export function addCommonOptions(command: Command): Command {
  return command
    .addOption(new Option("-o, --output <format>", "how to print").choices(formats).default("table"))
    .option("--org <id>", "the org, in place of the context's; empty: the whole system")
    .option("--project <id>", "the project, in place of the context's; empty: the whole org")
    .option("--context <name>", "the context, in place of the current one (photon context list)")
    .option("--timeout <seconds>", "how long to try, and with --wait to wait");
}

/** In milliseconds; undefined where nothing was said. */
export function timeoutMsOf(options: CommonOptions): number | undefined {
  if (options.timeout === undefined) return undefined;
  const seconds = Number(options.timeout.replace(/s$/, ""));
  if (seconds > 0) return seconds * 1000;
  throw new UsageError(
    `--timeout: ${JSON.stringify(options.timeout)} was given; a number of seconds above 0 is wanted`,
  );
}

export interface Session extends Clients {
  readonly io: Io;
  readonly format: Format;
  readonly tenant: Tenant;
  /** Where the cloud is, and the authority that it is known by. */
  readonly reach: { readonly endpoint: string; readonly ca: string | undefined };
  /** What every call is given. */
  readonly call: Tenant & { readonly signal: AbortSignal; readonly timeoutMs: number | undefined };
}

/** Logs in lazily: the first call does. @throws UsageError when nothing says where the cloud is. */
export function openSession(io: Io, options: CommonOptions): Session {
  const env =
    options.context === undefined ? io.env : { ...io.env, PHOTON_CONTEXT: options.context, PHOTON_ENDPOINT: undefined };
  const found = fromEnvironment(env);
  const cloud = new PhotonCloud({ ...found, userAgent: "photon-cli/0.1.0" });
  const tenant = { org: options.org, project: options.project };
  const call = { ...tenant, signal: io.signal, timeoutMs: timeoutMsOf(options) };
  const reach = { endpoint: found.endpoint, ca: found.ca };
  return { ...clientsOf(cloud), io, format: options.output ?? "table", tenant, reach, call };
}
