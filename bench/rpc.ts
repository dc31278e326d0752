// Unary calls a second through the whole edge (token, permission, store) against a bare connect-node echo of the same message, both over
// HTTP/1.1 in JSON on 32 connections, each server in a process of its own.
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Figure } from "./main.ts";
import { callsPerSecond, type Target } from "./rpc-servers/load.ts";

const warmUpMs = 1_500;
/** The two take turns, so that whatever else the machine does falls on both. */
const rounds = 4;
const roundMs = 1_000;

interface Served {
  readonly child: ChildProcess;
  readonly target: Target;
}

/** Starts a server that tells what to call once it is ready. */
async function serve(name: string): Promise<Served> {
  const child = fork(join(import.meta.dirname, "rpc-servers", name), { execArgv: ["--conditions=photon-source"] });
  const { promise, resolve, reject } = Promise.withResolvers<Target>();
  child.once("message", (target: Target) => resolve(target));
  child.once("exit", (code) => reject(new Error(`${name} ended with code ${code}`)));
  return { child, target: await promise };
}

async function end({ child }: Served): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  await gone;
}

export async function bench(): Promise<readonly Figure[]> {
  const servers = [await serve("echo.ts"), await serve("cloud.ts")];
  const rates = servers.map(() => 0);
  try {
    for (const { target } of servers) await callsPerSecond(target, warmUpMs);
    for (let round = 0; round < rounds; round += 1)
      for (const [index, { target }] of servers.entries())
        rates[index] = (rates[index] ?? 0) + (await callsPerSecond(target, roundMs)) / rounds;
  } finally {
    await Promise.all(servers.map(end));
  }
  const [floor = 0, value = 0] = rates;
  return [{ name: "GetVpc, against a bare echo of a Vpc", value, floor, ratio: value / floor, unit: "calls/s" }];
}
