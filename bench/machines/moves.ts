// How long a guest stands still while it moves between two of our hosts, beside the same move of a bare QEMU by QMP alone: same words, same files, same
// sockets, nobody around it. The guest counts on its console all the time; its longest silence counts.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { tinyImage } from "../../scripts/images/tiny.ts";
import type { MachineSpec } from "../../server/src/backends/hypervisor/driver.ts";
import { MovesWithinProcess } from "../../server/src/backends/hypervisor/moving/within-process.ts";
import { ownWord } from "../../server/src/backends/hypervisor/qemu/command-line.ts";
import { openQemu, type QemuHypervisor } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { type HostFolders, type MachineFiles, machineFiles } from "../../server/src/backends/hypervisor/qemu/layout.ts";
import {
  beginMirror,
  finishMirrors,
  migration,
  mirrorOf,
  mirrors,
} from "../../server/src/backends/hypervisor/qemu/move-jobs.ts";
import { processesWith } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { Qmp } from "../../server/src/backends/hypervisor/qemu/qmp.ts";
import { wordsOf } from "../linux/proc.ts";
import { type Figure, figure } from "./figure.ts";
import { untilWritten } from "./world.ts";

/** Each is a boot and a move. The best counts, for both sides. */
const rounds = 2;
const lookMs = 1;
const patienceMs = 120_000;
const counting = "(i=0; while :; do i=$((i+1)); echo n=$i; done) &\n";
const vmId = "vm-moves";
const image = { imageId: "tiny", format: "qcow2", architecture: "x86_64" } as const;
const { signal } = new AbortController();

export async function moves(): Promise<Figure> {
  let [value, floor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    const took = await oneRound();
    [value, floor] = [Math.min(value, took.ours), Math.min(floor, took.bare)];
  }
  return figure("a guest's longest silence in a move / bare QMP", value, floor, "ms");
}

async function oneRound(): Promise<{ readonly ours: number; readonly bare: number }> {
  const root = mkdtempSync("/tmp/pv");
  chmodSync(root, 0o711);
  const transport = new MovesWithinProcess();
  const builtInImages = new Map([[image.imageId, tinyImage(".photon/images")]]);
  const folders = ["a", "b"].map((name): HostFolders => ({ data: join(root, name), run: join(root, `${name}r`) }));
  const [a, b] = await Promise.all(folders.map((one) => openQemu({ folders: one, builtInImages, transport })));
  const [from, to] = folders.map((one) => machineFiles(one, vmId));
  if (a === undefined || b === undefined || from === undefined || to === undefined) throw new Error("no hosts");
  try {
    for (const host of [a, b]) await host.ensureImage(image, signal);
    const source = await ourStart(a, from);
    const bare = bareFolders(root, from, to);
    const watch = watchCounter([from.consoleLog, to.consoleLog]);
    const words = await ourMove({ a, b, to });
    const ours = watch();
    await b.remove(vmId, signal);
    return { ours, bare: await bareMove(bare, bare.moved(source), bare.moved(words)) };
  } finally {
    for (const host of [a, b]) {
      await host.remove(vmId, signal);
      await host.close();
    }
    rmSync(root, { recursive: true, force: true });
  }
}

const spec: MachineSpec = {
  vmId,
  owner: "acme/alpha",
  hostname: "moves",
  cpu: 1,
  memoryMib: 128,
  architecture: "x86_64",
  imageId: image.imageId,
  disks: [{ id: "root", sizeGib: 1 }],
  nics: [],
};

/** Answers the words that it was started with. */
async function ourStart(host: QemuHypervisor, files: MachineFiles): Promise<readonly string[]> {
  await host.define(spec, signal);
  await host.start(vmId, signal);
  await untilWritten(files.consoleLog, "READY");
  const console = await host.consoles.open(vmId, "serial", signal);
  console.write(counting);
  await untilWritten(files.consoleLog, "n=500");
  console.destroy();
  return programOf(files);
}

/** Answers the words that the destination was started with. */
async function ourMove({ a, b, to }: { a: QemuHypervisor; b: QemuHypervisor; to: MachineFiles }) {
  await a.moves?.send(vmId, (await b.moves?.offer(spec, signal)) ?? { address: "", secret: "" }, signal);
  for (const end = performance.now() + patienceMs; ; await wait(lookMs)) {
    const now = await a.moves?.state(vmId);
    if (now?.phase === "done") break;
    if (now?.phase === "failed" || performance.now() > end) throw new Error(`it did not move: ${JSON.stringify(now)}`);
  }
  await b.moves?.settle(vmId, signal);
  await wait(500);
  return programOf(to);
}

function programOf(files: MachineFiles): readonly string[] {
  const word = ownWord(files);
  return wordsOf(processesWith(new Set([word])).get(word)?.pid ?? 0);
}

interface BareFolders {
  readonly files: readonly [MachineFiles, MachineFiles];
  moved(words: readonly string[]): readonly string[];
}

/** Copies of the machine's files for either end. */
function bareFolders(root: string, from: MachineFiles, to: MachineFiles): BareFolders {
  const one = (name: string, of: MachineFiles) => {
    const files = machineFiles({ data: join(root, name), run: join(root, `${name}r`) }, vmId);
    mkdirSync(files.sockets, { recursive: true });
    cpSync(from.folder, files.folder, { recursive: true });
    rmSync(files.consoleLog, { force: true });
    const moved = (word: string) => word.replaceAll(of.folder, files.folder).replaceAll(of.sockets, files.sockets);
    return { files, moved };
  };
  const [here, there] = [one("c", from), one("d", to)];
  return { files: [here.files, there.files], moved: (words) => words.map(here.moved).map(there.moved) };
}

async function bareMove(
  { files: [from, to] }: BareFolders,
  here: readonly string[],
  there: readonly string[],
): Promise<number> {
  const processes: ChildProcess[] = [];
  const start = async ([program = "", ...words]: readonly string[], files: MachineFiles) => {
    processes.push(spawn(program, words, { stdio: "ignore", cwd: "/" }));
    for (const end = performance.now() + patienceMs; performance.now() < end; await wait(10)) {
      const monitor = await Qmp.open(files.monitor).catch(() => undefined);
      if (monitor !== undefined) return monitor;
    }
    throw new Error("a bare qemu has no monitor");
  };
  try {
    const source = await start(here, from);
    await source.execute("cont");
    await untilWritten(from.consoleLog, "READY");
    const line = connect(from.console);
    line.write(counting);
    await untilWritten(from.consoleLog, "n=500");
    line.destroy();
    const target = await start(there, to);
    const watch = watchCounter([from.consoleLog, to.consoleLog]);
    await carry(source, target, join(to.sockets, "nbd"), join(to.sockets, "memory"));
    await wait(500);
    return watch();
  } finally {
    for (const child of processes) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }
}

/** The very commands that our move consists of. */
async function carry(source: Qmp, target: Qmp, disk: string, memory: string): Promise<void> {
  const [node, job, state] = ["disk-root", mirrorOf(0), true];
  await target.execute("nbd-server-start", { addr: { type: "unix", data: { path: disk } } });
  const name = { id: node, "node-name": node, name: node };
  await target.execute("block-export-add", { type: "nbd", ...name, writable: true });
  await target.execute("migrate-incoming", { uri: `unix:${memory}` });
  await beginMirror(source, { job, node, socket: disk, sync: "top" });
  await until(async () => (await mirrors(source)).get(job)?.ready === true);
  const capabilities = ["pause-before-switchover", "auto-converge"].map((capability) => ({ capability, state }));
  await source.execute("migrate-set-capabilities", { capabilities });
  await source.execute("migrate-set-parameters", { "max-bandwidth": 2 ** 40, "downtime-limit": 300 });
  await source.execute("migrate", { uri: `unix:${memory}` });
  await until(async () => (await migration(source)).status === "pre-switchover");
  await finishMirrors(source, new Set(), [job], signal);
  await source.execute("migrate-continue", { state: "pre-switchover" });
  await until(async () => (await migration(target)).status === "completed");
  await target.execute("nbd-server-stop");
  await target.execute("cont");
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + patienceMs; !(await holds()); await wait(lookMs))
    if (performance.now() > end) throw new Error("a bare qemu does not move");
}

/** Looks how long a counter that is written to one of the files stands still. Answers how to stop, which answers the longest time in milliseconds. */
function watchCounter(files: readonly string[]): () => number {
  let [most, since, longest] = [0, performance.now(), 0];
  const look = () => {
    const now = Math.max(...files.map(lastCount));
    if (now <= most) return;
    const at = performance.now();
    if (most > 0) longest = Math.max(longest, at - since);
    [most, since] = [now, at];
  };
  const timer = setInterval(look, lookMs);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

const end = Buffer.alloc(256);

function lastCount(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return 0;
  const fd = openSync(file, "r");
  try {
    const length = readSync(fd, end, 0, end.length, Math.max(0, size - end.length));
    const counts = [...end.toString("latin1", 0, length).matchAll(/n=(\d+)\r?\n/g)];
    return Number(counts.at(-1)?.[1] ?? 0);
  } finally {
    closeSync(fd);
  }
}

if (import.meta.main) {
  console.table([await moves()]);
  process.exit(0);
}
