// Runs ovn-trace. It reads all of the Southbound's flows, so that only a few may run at a time.
import { execFile } from "node:child_process";
import { DriverError } from "../../../driver-error.ts";
import type { TlsFiles } from "../ovsdb/database.ts";

export interface Southbound {
  /** "unix:/run/ovn/ovnsb_db.sock" */
  readonly remote: string;
  readonly tls?: TlsFiles;
}

/** Each connection's first packet is a new one to every filter on its way; more than a packet ever passes. */
const newAtEachFilter = Array.from({ length: 32 }, () => "--ct=new");
/** Long enough for the flows of ten thousand ports. Milliseconds. */
const patienceMs = 20_000;
/** The text of a flood through a large switch. */
const mostBytes = 16 * 1024 * 1024;
const mostAtOnce = 2;

let running = 0;
const queue: (() => void)[] = [];

/** What ovn-trace prints of a packet. @throws DriverError "missing" if OVN does not know the port yet, "unavailable" */
export async function runTrace(southbound: Southbound, flow: string, signal: AbortSignal): Promise<string> {
  await enter();
  try {
    return await run([...argumentsOf(southbound), flow], signal);
  } finally {
    running--;
    queue.shift()?.();
  }
}

async function enter(): Promise<void> {
  if (running >= mostAtOnce) await new Promise<void>((resolve) => queue.push(resolve));
  running++;
}

function argumentsOf({ remote, tls }: Southbound): string[] {
  const files = tls === undefined ? [] : ["-p", tls.keyFile, "-c", tls.certFile, "-C", tls.caFile];
  return [`--db=${remote}`, "--no-leader-only", ...files, "--no-friendly-names", "--detailed", ...newAtEachFilter];
}

function run(args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { signal, timeout: patienceMs, maxBuffer: mostBytes, env: { ...process.env, LC_ALL: "C" } };
    execFile("ovn-trace", args, options, (error, stdout, stderr) => {
      if (error !== null) reject(failure(error));
      else if (stdout.includes("ingress(")) resolve(stdout);
      else reject(unknown(stderr));
    });
  });
}

function failure(error: Error): unknown {
  if (error.name === "AbortError") return error;
  return new DriverError("unavailable", "the network could not be asked for the packet's path", { cause: error });
}

/** It ends well without a trace where northd has not told of the port yet. */
function unknown(stderr: string): DriverError {
  const cause = new Error(stderr);
  return new DriverError("missing", "the network does not know the port yet; ask again in a moment", { cause });
}
