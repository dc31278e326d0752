// photon vm console, photon vm log: what a person sees of a machine.
import type { Kind } from "@photoncloud/proto";
import { PhotonError } from "@photoncloud/sdk";
import type { Command } from "commander";
import { WebSocket } from "ws";
import { attach, type Line, lineOf } from "../console-line.ts";
import type { Io } from "../io.ts";
import { resolveId } from "../resolve.ts";
import { addCommonOptions, type CommonOptions, openSession, type Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

/** What a guest's words must not do: move the cursor, change the title, ask the terminal to answer. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The console as this command reaches the cloud: what stands in the answer may be reached from elsewhere alone. */
function reachable(url: string, { endpoint }: Session["reach"]): string {
  return `${endpoint.replace(/^http/, "ws").replace(/\/+$/, "")}${new URL(url).pathname}`;
}

async function connect(url: string, { reach, call }: Session): Promise<Line> {
  const socket = new WebSocket(reachable(url, reach), "binary", {
    ...(reach.ca !== undefined && { ca: reach.ca }),
    perMessageDeflate: false,
    handshakeTimeout: call.timeoutMs ?? 30_000,
  });
  // Before it is open: what the machine says first would be lost.
  const line = lineOf(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("open", resolve);
  socket.once("error", reject);
  await promise.catch((cause: unknown) => {
    throw new PhotonError("unavailable", "the console could not be opened", { cause });
  });
  return line;
}

async function console(kind: Kind, given: string, options: CommonOptions, io: Io): Promise<void> {
  const { terminal } = io;
  if (terminal === undefined) throw new UsageError("vm console needs a terminal, or pipes in its place");
  const session = openSession(io, options);
  const vmId = await resolveId(kind, session.of(kind), given, session.call);
  const { url } = await session.cloud.consoles.open({ vmId, type: "serial" }, session.call);
  const line = await connect(url, session);
  if (terminal.isTty) io.err(`console of ${given}; leave with Ctrl-] or, at the beginning of a line, ~.\n`);
  await attach(line, terminal, io.signal);
  if (terminal.isTty) io.err(`\nleft the console of ${given}\n`);
}

interface LogOptions extends CommonOptions {
  readonly bytes?: string;
  readonly raw?: boolean;
}

async function log(kind: Kind, given: string, options: LogOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const maxBytes = options.bytes === undefined ? 0 : Number(options.bytes);
  if (!Number.isInteger(maxBytes) || maxBytes < 0)
    throw new UsageError(`--bytes: ${JSON.stringify(options.bytes)} was given; a number of bytes is wanted`);
  const vmId = await resolveId(kind, session.of(kind), given, session.call);
  const answer = await session.cloud.consoles.readConsoleLog({ vmId, maxBytes }, session.call);
  io.out(options.raw === true ? answer.log : answer.log.replace(controls, ""));
}

export function addConsoleVerbs(command: Command, kind: Kind, io: Io): void {
  addCommonOptions(
    command.command("console").argument("<id|name>").description("opens the machine's serial console in this terminal"),
  ).action((given: string, options: CommonOptions) => console(kind, given, options, io));
  addCommonOptions(
    command
      .command("log")
      .argument("<id|name>")
      .description("prints the end of what the machine wrote to its serial console")
      .option("--bytes <n>", "how much of it; default 65536")
      .option("--raw", "with the guest's control characters, which may do anything to a terminal"),
  ).action((given: string, options: LogOptions) => log(kind, given, options, io));
}
