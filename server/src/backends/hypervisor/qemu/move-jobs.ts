// What QEMU is told to copy a running machine, and how that is ended: its disks by mirrors that follow every write, then its memory.
import { setTimeout as wait } from "node:timers/promises";
import { DriverError } from "../../driver-error.ts";
import { type Qmp, QmpError, type QmpEvent, recordOf } from "./qmp.ts";

/** Marks the jobs and nodes of a move. */
const prefix = "move-";
/** How often QEMU is asked how far it is where no event tells it, in milliseconds. */
const pollMs = 50;
/** How long what was cancelled may take to be gone, in milliseconds. */
const cancelledMs = 20_000;
/** The states of a migration in which nothing is under way. */
const over = ["none", "completed", "failed", "cancelled"];

type Listening = Set<(event: QmpEvent) => void>;

export const mirrorOf = (index: number): string => `${prefix}${index}`;

export function recordsOf(answer: unknown): Record<string, unknown>[] {
  return (Array.isArray(answer) ? answer : []).map((one: unknown) => recordOf(one) ?? {});
}

/** Looks until it is so: again as soon as QEMU tells anything of moves, also while it is being asked, or after a moment. */
export async function untilSo(events: Listening, signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const told = new AbortController();
    const listener = ({ event }: QmpEvent) => {
      if (event === "MIGRATION" || event.startsWith("BLOCK_JOB_")) told.abort();
    };
    events.add(listener);
    try {
      if (await isSo()) return;
      await wait(pollMs, undefined, { signal: AbortSignal.any([signal, told.signal]) }).catch(() => {});
    } finally {
      events.delete(listener);
    }
    signal.throwIfAborted();
  }
}

/** Begins to copy a disk to an NBD server's export of the same name. What the guest writes from here on is written there at once, too. */
export async function beginMirror(
  monitor: Qmp,
  {
    job,
    node,
    socket,
    sync,
  }: { readonly job: string; readonly node: string; readonly socket: string; readonly sync: string },
): Promise<void> {
  const server = { type: "unix", path: socket };
  await monitor.execute("blockdev-add", { driver: "nbd", "node-name": job, server, export: node });
  const mode = { sync, "copy-mode": "write-blocking" };
  await monitor.execute("blockdev-mirror", { "job-id": job, device: node, target: job, ...mode });
}

export interface JobState {
  readonly ready: boolean;
  readonly copiedBytes: number;
  readonly totalBytes: number;
}

/** The mirrors, by name. */
export async function mirrors(monitor: Qmp): Promise<ReadonlyMap<string, JobState>> {
  const jobs = recordsOf(await monitor.execute("query-block-jobs"));
  return new Map(
    jobs
      .filter(({ device }) => String(device).startsWith(prefix))
      .map(({ device, ready, offset, len }) => [
        String(device),
        { ready: ready === true, copiedBytes: Number(offset), totalBytes: Number(len) },
      ]),
  );
}

/** Ends mirrors that are ready, with both sides the same. */
export async function finishMirrors(monitor: Qmp, events: Listening, jobs: readonly string[], signal: AbortSignal) {
  const failed = new Set<unknown>();
  const listener = ({ event, data }: QmpEvent) => {
    if (event === "BLOCK_JOB_COMPLETED" && data.error !== undefined) failed.add(data.error);
    if (event === "BLOCK_JOB_ERROR") failed.add("the destination does not take what is written");
  };
  events.add(listener);
  try {
    for (const job of jobs) await monitor.execute("block-job-cancel", { device: job });
    await untilSo(events, signal, async () => (await mirrors(monitor)).size === 0);
  } finally {
    events.delete(listener);
  }
  for (const error of failed) throw new DriverError("unavailable", `its disks could not be copied: ${String(error)}`);
  for (const job of jobs) await monitor.execute("blockdev-del", { "node-name": job });
}

export interface Migration {
  readonly status: string;
  readonly copiedBytes: number;
  readonly totalBytes: number;
  /** How often all that had changed was sent again. */
  readonly rounds: number;
  readonly error: string | undefined;
}

export async function migration(monitor: Qmp): Promise<Migration> {
  const told = recordOf(await monitor.execute("query-migrate")) ?? {};
  const ram = recordOf(told.ram);
  const [sent, left] = [Number(ram?.transferred ?? 0), Number(ram?.remaining ?? 0)];
  return {
    status: String(told.status ?? "none"),
    copiedBytes: sent,
    totalBytes: sent + left,
    rounds: Number(ram?.["dirty-sync-count"] ?? 0),
    error: told["error-desc"] === undefined ? undefined : String(told["error-desc"]),
  };
}

/** Ends what a move has begun, if anything: the machine is as before, but that it may stand still. */
export async function endCopying(monitor: Qmp): Promise<void> {
  const signal = AbortSignal.timeout(cancelledMs);
  const pause = () => wait(pollMs, undefined, { signal });
  if (!over.includes((await migration(monitor)).status)) await monitor.execute("migrate_cancel");
  while (!over.includes((await migration(monitor)).status)) await pause();
  for (const job of (await mirrors(monitor)).keys())
    await monitor.execute("block-job-cancel", { device: job, force: true }).catch(ignoreGone);
  while ((await mirrors(monitor)).size > 0) await pause();
  const nodes = recordsOf(await monitor.execute("query-named-block-nodes", { flat: true }));
  for (const name of nodes.map((node) => String(node["node-name"])).filter((one) => one.startsWith(prefix)))
    await monitor.execute("blockdev-del", { "node-name": name }).catch(ignoreGone);
}

/** What has ended by itself meanwhile. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof QmpError) || error.reason === "Disconnected") throw error;
}
