// The stand-ins of all running simulated machines: makes and removes them as machines start and stop, each by itself, until it is so.
import { setTimeout as wait } from "node:timers/promises";
import { namespaces, removeNamespace } from "../../linux/namespaces.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { MachineSpec } from "../driver.ts";
import { StandIn, standInPrefix, wireOf } from "./stand-in.ts";

export interface StandInsOptions {
  /** Connects to the host that they stand on; resolves when its Open vSwitch answers. */
  readonly openHost: (signal: AbortSignal) => Promise<HostNetwork>;
  /** For their files. */
  readonly dir: string;
  readonly log: (message: string, error: unknown) => void;
}

/** The pause before what failed is tried again, doubled each time. Milliseconds. */
const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** How long one may take to go. Milliseconds. */
const goneMs = 5_000;

/** One machine: what it should be, and what there is of it. */
interface Place {
  wanted: MachineSpec | undefined;
  /** What of it matters here; "": nothing is wanted. Undefined: not looked at yet. */
  aim: string | undefined;
  /** Aborted when the aim changes. */
  change: AbortController;
  working: boolean;
  standIn: StandIn | undefined;
}

export class StandIns {
  readonly #options: StandInsOptions;
  readonly #places = new Map<string, Place>();
  readonly #closing = new AbortController();
  readonly #works = new Set<Promise<void>>();
  readonly #host: Promise<HostNetwork>;

  constructor(options: StandInsOptions) {
    this.#options = options;
    this.#host = this.#open();
    this.#host.catch((error: unknown) => {
      if (!this.#closing.signal.aborted) options.log("no machine is on the network", error);
    });
  }

  /** Says what a machine is now: its definition while it runs, undefined while it does not. What is said at once counts as one. */
  want(vmId: string, spec: MachineSpec | undefined): void {
    const place = this.#places.get(vmId) ?? newPlace();
    this.#places.set(vmId, place);
    place.wanted = spec;
    queueMicrotask(() => this.#aim(vmId, place));
  }

  /** Removes all of them, and lets go of the host. */
  async close(): Promise<void> {
    for (const vmId of this.#places.keys()) this.want(vmId, undefined);
    await Promise.resolve();
    this.#closing.abort();
    await Promise.all(this.#works);
    for (const { standIn } of this.#places.values())
      await standIn?.stop(AbortSignal.timeout(goneMs)).catch((error: unknown) => {
        this.#options.log(`${standIn.namespace} may be left behind`, error);
      });
    await this.#host.then(
      (host) => host.close(),
      () => {},
    );
  }

  /** Takes away what a server left that was killed; the machines that run are told anew. */
  async #open(): Promise<HostNetwork> {
    const host = await this.#options.openHost(this.#closing.signal);
    for (const { name, portId } of await host.plugged(this.#closing.signal))
      if (name === wireOf(portId)) await host.unplug(name, this.#closing.signal);
    const prefix = standInPrefix(host);
    for (const name of await namespaces()) if (name.startsWith(prefix)) await removeNamespace(name);
    return host;
  }

  #aim(vmId: string, place: Place): void {
    const aim = aimOf(place.wanted);
    if (aim === place.aim) return;
    place.aim = aim;
    place.change.abort();
    place.change = new AbortController();
    if (place.working) return;
    place.working = true;
    const work = this.#work(vmId, place).finally(() => this.#works.delete(work));
    this.#works.add(work);
  }

  async #work(vmId: string, place: Place): Promise<void> {
    let pauseMs = firstPauseMs;
    let done: string | undefined;
    while (done !== place.aim && !this.#closing.signal.aborted) {
      const { wanted, aim, change } = place;
      const signal = AbortSignal.any([change.signal, this.#closing.signal]);
      try {
        await this.#make(place, wanted, signal);
        done = aim;
      } catch (error) {
        if (signal.aborted) continue;
        this.#options.log(`the stand-in of ${vmId} is tried again in ${pauseMs} ms`, error);
        await wait(pauseMs, undefined, { signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
    place.working = false;
    if (place.aim === "" && place.standIn === undefined) this.#places.delete(vmId);
  }

  async #make(place: Place, wanted: MachineSpec | undefined, signal: AbortSignal): Promise<void> {
    // What is half-made goes the same way as what is not wanted any more.
    await place.standIn?.stop(AbortSignal.timeout(goneMs));
    place.standIn = undefined;
    if (wanted === undefined) return;
    place.standIn = new StandIn(wanted, { host: await this.#host, dir: this.#options.dir });
    await place.standIn.start(signal);
  }
}

function newPlace(): Place {
  return { wanted: undefined, aim: undefined, change: new AbortController(), working: false, standIn: undefined };
}

function aimOf(spec: MachineSpec | undefined): string {
  return spec === undefined ? "" : JSON.stringify([spec.hostname, spec.nics]);
}
