// One hypervisor over many hosts: whatever is asked about a machine goes to the host that it is on.
import type { Duplex } from "node:stream";
import { DriverError } from "../driver-error.ts";
import {
  type ExportedDisk,
  type ExportSource,
  type HypervisorDriver,
  type ImageFacts,
  type ImageSource,
  type MachineConsoles,
  type MachineKind,
  type MachinePlacement,
  type MachineSnapshots,
  type MachineSpec,
  type MachineState,
  type MachineStatistics,
  machineKinds,
} from "./driver.ts";
import type { DrivenHost, Hosts } from "./hosts.ts";
import { type ImageRemovals, noRemovals } from "./image-removals.ts";

export interface OnHostsOptions {
  readonly hosts: Hosts;
  /** Of the server's own machine: it names the backend, and forgets at exit what it forgets. */
  readonly own: HypervisorDriver;
  readonly ownId: string;
  /** What hosts have to remove when they come back. Default: nothing is remembered. */
  readonly removals?: ImageRemovals;
}

export function onHosts(options: OnHostsOptions): HypervisorDriver {
  return new HypervisorOnHosts(options);
}

class HypervisorOnHosts implements HypervisorDriver {
  readonly name: string;
  readonly volatile: boolean;
  /** Of the server's own host. */
  readonly accelerator?: NonNullable<HypervisorDriver["accelerator"]>;
  /** Of the server's own host: what another's machine does not take over waits for a restart all the same. */
  readonly growsWhileRunning?: NonNullable<HypervisorDriver["growsWhileRunning"]>;
  readonly placement: MachinePlacement;
  readonly snapshots: MachineSnapshots;
  readonly consoles: MachineConsoles;
  readonly #hosts: Hosts;
  readonly #own: HypervisorDriver;
  readonly #ownId: string;
  readonly #removals: ImageRemovals;
  /** The host of each machine, as far as this server was told or has found out. */
  readonly #placed = new Map<string, string>();
  readonly #images = new Map<string, ImageSource>();

  constructor({ hosts, own, ownId, removals = noRemovals }: OnHostsOptions) {
    this.#removals = removals;
    this.#hosts = hosts;
    this.#own = own;
    this.#ownId = ownId;
    this.name = own.name;
    this.volatile = own.volatile;
    if (own.accelerator !== undefined) this.accelerator = own.accelerator;
    if (own.growsWhileRunning !== undefined) this.growsWhileRunning = own.growsWhileRunning;
    this.placement = {
      settle: ({ vmId, hostId }) => void this.#placed.set(vmId, hostId),
      on: (hostId) => this.#on(hostId),
      bring: (hostId, imageId, signal) => this.#bring(this.#get(hostId), imageId, signal),
    };
    this.snapshots = this.#makeSnapshots();
    this.consoles = this.#makeConsoles();
  }

  /** What no host that is known runs, in the words of the server's own. */
  get cantRun(): NonNullable<HypervisorDriver["cantRun"]> {
    const own = this.#own.cantRun ?? {};
    const others = this.#hosts.all().filter(({ driver, fenced }) => !fenced && driver !== this.#own);
    const nowhere = (kind: MachineKind) => others.every(({ driver }) => driver.cantRun?.[kind] !== undefined);
    return Object.fromEntries(
      machineKinds.flatMap((kind) => (own[kind] !== undefined && nowhere(kind) ? [[kind, own[kind]]] : [])),
    );
  }

  /** The server's own host has it at once; others fetch it with the first machine that needs it. */
  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void> {
    const facts = await this.#own.ensureImage(source, signal);
    this.#images.set(source.imageId, source);
    this.#hosts.noteImage(this.#ownId, source.imageId);
    return facts;
  }

  /** A host that can't be reached, or is fenced, keeps its copy until it comes back; nothing new is made of it. */
  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    this.#images.delete(imageId);
    this.#hosts.forgetImage(imageId);
    for (const { id, driver, fenced } of this.#hosts.all()) {
      const isGone = !fenced && (await driver.removeImage(imageId, signal).then(() => true, unlessUnavailable));
      if (isGone !== true) await this.#removals.owe(id, imageId);
    }
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const host = await this.#hostOf(spec.vmId, signal, spec.hostId);
    if (spec.imageId !== undefined) await this.#bring(host, spec.imageId, signal);
    await host.driver.define(spec, signal);
    this.#placed.set(spec.vmId, host.id);
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    await (await this.#driverOf(vmId, signal)).start(vmId, signal);
  }

  async stop(vmId: string, options: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    const host = await this.#find(vmId, signal);
    if (host !== undefined && !host.fenced) await host.driver.stop(vmId, options, signal);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    await (await this.#driverOf(vmId, signal)).reset(vmId, signal);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    const host = await this.#find(vmId, signal);
    return host === undefined || host.fenced ? undefined : host.driver.statistics(vmId, signal);
  }

  async state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined> {
    const host = await this.#find(vmId, signal);
    if (host?.fenced) return { state: "failed", reason: `its host ${host.id} is off` };
    return host?.driver.state(vmId, signal);
  }

  /** What is on a host that is off for good is gone with it. */
  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    const host = await this.#find(vmId, signal);
    if (host !== undefined && !host.fenced) await host.driver.remove(vmId, signal);
    this.#placed.delete(vmId);
  }

  /** Of the hosts that can be reached. */
  async inventory(
    signal: AbortSignal,
  ): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    const none = { machines: [], images: [] };
    const hosts = this.#hosts.all().filter(({ fenced }) => !fenced);
    const all = await Promise.all(
      hosts.map(({ driver }) => driver.inventory(signal).catch((error: unknown) => unlessUnavailable(error) ?? none)),
    );
    return {
      machines: all.flatMap(({ machines }) => machines),
      images: [...new Set(all.flatMap(({ images }) => images))],
    };
  }

  async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    const driver = await this.#driverOf(vmId, signal);
    return (await driver.export?.(vmId, source, signal)) ?? cant(driver, "export disks");
  }

  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void {
    return this.#hosts.onChange(listener);
  }

  close(): Promise<void> {
    return this.#own.close();
  }

  async #bring({ id, driver }: DrivenHost, imageId: string, signal: AbortSignal): Promise<void> {
    const image = this.#images.get(imageId);
    if (image === undefined || driver === this.#own) return;
    if (await this.#removals.isOwed(id, imageId)) {
      await driver.removeImage(imageId, signal);
      await this.#removals.forget(id, imageId);
    }
    await driver.ensureImage(image, signal);
    this.#hosts.noteImage(id, imageId);
  }

  #on(hostId: string): HypervisorDriver | undefined {
    const { driver, fenced } = this.#get(hostId);
    return fenced ? undefined : driver;
  }

  /** Where a machine is. Undefined: nowhere. @throws DriverError "unavailable" where that can't be told. */
  async #find(vmId: string, signal: AbortSignal): Promise<DrivenHost | undefined> {
    const known = this.#placed.get(vmId);
    if (known !== undefined) return this.#get(known);
    const hosts = this.#hosts.all().filter(({ fenced }) => !fenced);
    const states = await Promise.allSettled(hosts.map(({ driver }) => driver.state(vmId, signal)));
    const found = hosts.find((_, i) => states[i]?.status === "fulfilled" && states[i].value !== undefined);
    if (found !== undefined) this.#placed.set(vmId, found.id);
    const failed = states.find(({ status }) => status === "rejected");
    if (found === undefined && failed?.status === "rejected") throw failed.reason;
    return found;
  }

  #get(hostId: string): DrivenHost {
    const host = this.#hosts.get(hostId);
    if (host !== undefined) return host;
    throw new DriverError("unavailable", `host ${hostId} is not known to this server`);
  }

  async #hostOf(vmId: string, signal: AbortSignal, hostId: string | undefined): Promise<DrivenHost> {
    const host = hostId === undefined ? await this.#find(vmId, signal) : this.#get(hostId);
    if (host === undefined) return this.#get(this.#ownId);
    if (host.fenced) throw new DriverError("unavailable", `host ${host.id} is off; vm ${vmId} waits for another`);
    return host;
  }

  /** @throws DriverError "missing" where there is no such machine. */
  async #driverOf(vmId: string, signal: AbortSignal): Promise<HypervisorDriver> {
    const host = await this.#find(vmId, signal);
    if (host === undefined) throw new DriverError("missing", `there is no vm ${vmId} on any host`);
    return (await this.#hostOf(vmId, signal, host.id)).driver;
  }

  #makeSnapshots(): MachineSnapshots {
    const of = async (vmId: string, signal: AbortSignal) => {
      const driver = await this.#driverOf(vmId, signal);
      return driver.snapshots ?? cant(driver, "take snapshots");
    };
    return {
      take: async (vmId, id, signal) => (await of(vmId, signal)).take(vmId, id, signal),
      restore: async (vmId, id, signal) => (await of(vmId, signal)).restore(vmId, id, signal),
      list: async (vmId, signal) => (await of(vmId, signal)).list(vmId, signal),
      remove: async (vmId, id, signal) => {
        const host = await this.#find(vmId, signal);
        if (host !== undefined && !host.fenced) await host.driver.snapshots?.remove(vmId, id, signal);
      },
    };
  }

  #makeConsoles(): MachineConsoles {
    const of = async (vmId: string, signal: AbortSignal) => {
      const driver = await this.#driverOf(vmId, signal);
      return driver.consoles ?? cant(driver, "open consoles");
    };
    return {
      open: async (vmId, type, signal): Promise<Duplex> => (await of(vmId, signal)).open(vmId, type, signal),
      log: async (vmId, maxBytes, signal) => (await of(vmId, signal)).log(vmId, maxBytes, signal),
    };
  }
}

function cant({ name }: HypervisorDriver, what: string): never {
  throw new DriverError("refused", `${name} can't ${what}`);
}

function unlessUnavailable(error: unknown): undefined {
  if (!(error instanceof DriverError && error.reason === "unavailable")) throw error;
}
