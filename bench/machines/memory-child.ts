// Measures what the driver keeps for each machine, in a process that has nothing else to keep or to let go.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ownWord } from "../../server/src/backends/hypervisor/qemu/command-line.ts";
import { openQemu, type QemuHypervisor } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { machineFiles } from "../../server/src/backends/hypervisor/qemu/layout.ts";
import { processesWith } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { residentBytes } from "../linux/proc.ts";

const machines = Number(process.argv[2]);
/** What is made once, is made by the first of them. */
const before = 10;
/** MiB: they have nothing to boot. */
const memoryMib = 16;
const patienceMs = 120_000;
const { signal } = new AbortController();

/** Bytes for each machine: of the driver's heap, and of the largest QEMU. */
export interface Kept {
  readonly ours: number;
  readonly theirs: number;
}

async function measure(): Promise<Kept> {
  const root = mkdtempSync("/tmp/pv");
  chmodSync(root, 0o711);
  const folders = { data: join(root, "d"), run: join(root, "r") };
  const driver = await openQemu({ folders });
  const ids = Array.from({ length: before + machines }, (_, i) => `vm-${i}`);
  try {
    for (const vmId of ids.slice(0, before)) await startOne(driver, vmId);
    const inUse = bytesInUse();
    for (const vmId of ids.slice(before)) await startOne(driver, vmId);
    const ours = (bytesInUse() - inUse) / machines;
    const words = ids.map((vmId) => ownWord(machineFiles(folders, vmId)));
    const theirs = [...processesWith(new Set(words)).values()].map(({ pid }) => residentBytes(pid));
    return { ours, theirs: Math.max(...theirs) };
  } finally {
    for (const vmId of ids) await driver.remove(vmId, signal);
    await driver.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function startOne(driver: QemuHypervisor, vmId: string): Promise<void> {
  const size = { cpu: 1, memoryMib, architecture: "x86_64", disks: [{ id: "root", sizeGib: 1 }], nics: [] } as const;
  await driver.define({ vmId, owner: "acme/alpha", hostname: vmId, ...size }, signal);
  await driver.start(vmId, signal);
  for (const end = performance.now() + patienceMs; performance.now() < end; await wait(10)) {
    const now = await driver.state(vmId);
    if (now?.state === "running") return;
    if (now?.state === "failed") throw new Error(now.reason);
  }
  throw new Error(`${vmId} does not start`);
}

/** After collections: resident memory that is not in use comes and goes with other work. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.send?.(await measure());
process.disconnect?.();
