// What the driver of a host, which its agent consists of, needs of memory for each machine that runs, beside what the machine's own QEMU needs.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Figure, figure } from "./figure.ts";
import type { Kept } from "./memory-child.ts";

const machines = 50;
const program = fileURLToPath(new URL("memory-child.ts", import.meta.url));

export async function driversMemory(): Promise<Figure> {
  const child = fork(program, [String(machines)]);
  const [kept]: (Kept | number)[] = await Promise.race([once(child, "message"), once(child, "exit")]);
  if (typeof kept !== "object") throw new Error("the measuring process ended without a figure");
  const { ours, theirs } = kept;
  return figure(`the driver's memory for each of ${machines} machines / its QEMU's`, ours / 1024, theirs / 1024, "KiB");
}
