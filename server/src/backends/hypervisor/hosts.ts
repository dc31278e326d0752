// The hosts that the server drives: its own machine, and those that it reaches through agents.
import { Listeners } from "../listeners.ts";
import type { HypervisorDriver } from "./driver.ts";
import type { HostCapacity } from "./facts.ts";

/** A host as it is now. */
export interface DrivenHost {
  readonly id: string;
  /** Says "unavailable" by itself while its host can't be reached. */
  readonly driver: HypervisorDriver;
  /** It answers this server. Whether it takes machines is stored. */
  readonly reachable: boolean;
  /** It is off for sure: nothing runs there. */
  readonly fenced: boolean;
  readonly capacity: HostCapacity;
}

/** What this server knows of a host beside what is stored. */
export interface KnownHost {
  /** It answers this server. */
  readonly reachable: boolean;
  readonly cantRun: NonNullable<HypervisorDriver["cantRun"]>;
  readonly images: ReadonlySet<string>;
}

type Change = { readonly vmId: string; readonly owner: string };

/** Who they are, kept up to date by those who watch them. */
export class Hosts {
  readonly #hosts = new Map<string, { readonly host: DrivenHost; readonly unhear: () => void }>();
  readonly #changes = new Listeners<Change>();
  readonly #images = new Map<string, Set<string>>();

  set(host: DrivenHost): void {
    const known = this.#hosts.get(host.id);
    if (known?.host.driver !== host.driver) known?.unhear();
    const hear = () => host.driver.onChange((machine) => this.#changes.tell(machine));
    const unhear = known?.host.driver === host.driver ? known.unhear : hear();
    this.#hosts.set(host.id, { host, unhear });
  }

  delete(id: string): void {
    this.#hosts.get(id)?.unhear();
    this.#hosts.delete(id);
  }

  get(id: string): DrivenHost | undefined {
    return this.#hosts.get(id)?.host;
  }

  known(id: string): KnownHost | undefined {
    const host = this.get(id);
    if (host === undefined) return undefined;
    const { reachable, driver } = host;
    return { reachable, cantRun: driver.cantRun ?? {}, images: this.images(id) };
  }

  /** By id. */
  all(): readonly DrivenHost[] {
    return [...this.#hosts.values()].map(({ host }) => host).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** A host has an image at hand. */
  noteImage(id: string, imageId: string): void {
    this.#images.set(id, (this.#images.get(id) ?? new Set()).add(imageId));
  }

  /** Images that were brought to a host since this server began; it may have more. */
  images(id: string): ReadonlySet<string> {
    return this.#images.get(id) ?? new Set();
  }

  forgetImage(imageId: string): void {
    for (const images of this.#images.values()) images.delete(imageId);
  }

  /** Tells of the changes of all hosts' machines. Answers how to stop. */
  onChange(listener: (machine: Change) => void): () => void {
    return this.#changes.add(listener);
  }
}
