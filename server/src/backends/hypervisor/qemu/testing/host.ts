// A host for tests with real guests: folders of its own that machines' users can reach, and what must be gone in the end.
import { chmodSync, createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { tinyImage } from "../../../../../../scripts/images/tiny.ts";
import { systemClock } from "../../../../clock.ts";
import { sampleMachine, untilMachine } from "../../contract.ts";
import type { ExportSource, MachineSpec } from "../../driver.ts";
import { bytesOfAll } from "../../file-parts.ts";
import { openQemu, type QemuHypervisor, type QemuOptions } from "../index.ts";
import { type HostFolders, type MachineFiles, machineFiles } from "../layout.ts";

export const image = { imageId: "tiny", format: "qcow2", architecture: "x86_64" } as const;
/** Guests are emulated where there is no usable KVM: they boot in seconds, and in many of them on a busy host. */
export const patienceMs = 180_000;
export const { signal } = new AbortController();

export class TestHost {
  readonly root: string;
  readonly folders: HostFolders;
  readonly #options: Partial<QemuOptions>;
  #driver: QemuHypervisor | undefined;

  constructor(options: Partial<QemuOptions> = {}) {
    this.root = mkdtempSync(join(tmpdir(), "pq-"));
    chmodSync(this.root, 0o711);
    this.folders = { data: join(this.root, "data"), run: join(this.root, "r") };
    this.#options = options;
  }

  get driver(): QemuHypervisor {
    if (this.#driver === undefined) throw new Error("the host is not open");
    return this.#driver;
  }

  /** Again: as after a restart of the driver's process. */
  async open(): Promise<QemuHypervisor> {
    await this.#driver?.close();
    const builtInImages = new Map([[image.imageId, tinyImage(".photon/images")]]);
    this.#driver = await openQemu({ folders: this.folders, builtInImages, ...this.#options });
    await this.#driver.ensureImage(image, signal);
    return this.#driver;
  }

  files(vmId: string): MachineFiles {
    return machineFiles(this.folders, vmId);
  }

  pidOf(vmId: string): number {
    return JSON.parse(readFileSync(this.files(vmId).running, "utf8")).process.pid;
  }

  async define(vmId: string, change: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = { ...sampleMachine(vmId, image.imageId), ...change };
    await this.driver.define(spec, signal);
    return spec;
  }

  /** QEMU runs; its guest need not have booted. */
  async run(vmId: string, change: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = await this.define(vmId, change);
    await this.driver.start(vmId, signal);
    await untilMachine(this.driver, vmId, "running", patienceMs);
    return spec;
  }

  async stop(vmId: string): Promise<void> {
    await this.driver.stop(vmId, { graceMs: 0 }, signal);
    await untilMachine(this.driver, vmId, "stopped", patienceMs);
  }

  async exportTo(file: string, vmId: string, source: ExportSource): Promise<void> {
    const { parts } = await this.driver.export(vmId, source, signal);
    await pipeline(bytesOfAll(parts), createWriteStream(file));
  }

  /** Waits until a guest's serial console has said it. */
  async says(vmId: string, words: RegExp): Promise<void> {
    const said = async () => Buffer.from(await this.driver.consoles.log(vmId, 1024 ** 2, signal)).toString("latin1");
    await until(
      `${vmId} says ${words}`,
      async () => words.test(await said()),
      async () => (await said()).slice(-1000),
    );
  }

  async removeMachines(): Promise<void> {
    for (const vmId of (await this.driver.inventory()).machines) await this.driver.remove(vmId, signal);
  }

  async close(): Promise<void> {
    await this.removeMachines();
    await this.driver.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Processes, folders and sockets of machines; none is right when all are removed. */
  leaks(): readonly string[] {
    const own = (name: string) => read(`/proc/${name}/cmdline`).includes(`${this.root}/`);
    const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && own(name));
    const entries = (folder: string) =>
      existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
    return [...processes, ...entries(join(this.folders.data, "machines")), ...entries(this.folders.run)];
  }
}

/** @throws Error with what `told` answers, if it does not hold in time. */
export async function until(what: string, holds: () => Promise<boolean>, told = async () => ""): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds()))
    if (Date.now() > deadline) throw new Error(`after ${patienceMs} ms not yet: ${what}; ${await told()}`);
    else await systemClock.sleep(100);
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
