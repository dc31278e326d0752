// The channels to all hosts: one for each that has joined and is not fenced. Keeps the list of hosts that the hypervisor drives.
import type { Clock } from "../../../clock.ts";
import { Listeners } from "../../listeners.ts";
import { type HypervisorDriver, kindsOf } from "../driver.ts";
import { architecture, capacityOf, type HostCapacity, versions } from "../facts.ts";
import type { Hosts } from "../hosts.ts";
import type { RemoteTail } from "./flow-tail.ts";
import type { FindImage } from "./image-bytes.ts";
import { AgentLink, type Identity } from "./link.ts";

/** A host as it is stored. */
export interface StoredHost {
  readonly id: string;
  /** "": the server's own. */
  readonly address: string;
  readonly fenced: boolean;
  readonly serials: readonly string[];
  readonly capacity: HostCapacity;
}

export interface AgentLinksOptions {
  readonly hosts: Hosts;
  /** The server's own machine. */
  readonly own: { readonly id: string; readonly driver: HypervisorDriver; readonly dataDir: string };
  identity(): Promise<Identity>;
  /** Answers what the hosts' guests ask of the cloud. */
  readonly answer?: (method: string, values: readonly unknown[]) => Promise<unknown>;
  /** What the server can send itself of the images that hosts need. */
  readonly images?: FindImage;
  /** Told of each channel that was opened. */
  readonly opened?: (hostId: string, driver: HypervisorDriver) => void;
  /** Told of each channel: what a host's network writes down can be read while it is open. */
  readonly flows?: (hostId: string, tail: RemoteTail) => void;
  readonly clock: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

export interface Told {
  readonly at: number;
  readonly session: string;
  readonly facts: HostCapacity & {
    readonly driver: string;
    readonly accelerator: string;
    readonly architecture: string;
    readonly machineTypes: readonly string[];
    readonly versions: Readonly<Record<string, string>>;
    readonly machines: number;
    /** Milliseconds since 1970. */
    readonly certificateExpiresAt: number;
  };
}

export class AgentLinks {
  readonly #options: AgentLinksOptions;
  readonly #links = new Map<string, AgentLink>();
  readonly #serials = new Map<string, readonly string[]>();
  readonly #listeners = new Listeners<void>();
  #own: Told["facts"] | undefined;

  constructor(options: AgentLinksOptions) {
    this.#options = options;
  }

  async follow(stored: readonly StoredHost[]): Promise<void> {
    await this.#lookHere();
    const wanted = new Map(stored.filter((host) => this.#isReachedByLink(host)).map((host) => [host.id, host]));
    for (const [id, link] of this.#links) if (wanted.get(id)?.address !== link.address) await this.#close(id, link);
    for (const host of wanted.values()) this.#open(host);
    for (const host of stored) this.#list(host);
    const ids = new Set(stored.map(({ id }) => id));
    for (const { id } of this.#options.hosts.all()) if (!ids.has(id)) this.#options.hosts.delete(id);
  }

  news(hostId: string): Told | undefined {
    if (hostId === this.#options.own.id) return this.#ownNews();
    const link = this.#links.get(hostId);
    if (link?.heard === undefined) return undefined;
    const { heard } = link;
    const { driver, accelerator, architecture, versions } = heard.hello;
    const { cpu, memoryMib, diskGib, machines, certificateExpiresAt } = heard.beat;
    const facts = {
      driver,
      accelerator,
      architecture,
      versions,
      machineTypes: kindsOf(link.driver),
      cpu,
      memoryMib,
      diskGib,
      machines,
      certificateExpiresAt,
    };
    return { at: heard.at, session: heard.session, facts };
  }

  hindrance(hostId: string): string | undefined {
    return hostId === this.#options.own.id ? "" : this.#links.get(hostId)?.hindrance;
  }

  async renew(hostId: string, certify: (request: string) => Promise<string>, signal: AbortSignal): Promise<void> {
    const client = this.#links.get(hostId)?.client;
    if (client === undefined) return;
    const { pem } = await client.requestCertificate({}, { signal });
    await client.installCertificate({ pem: await certify(pem) }, { signal });
  }

  onNews(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links].map(([id, link]) => this.#close(id, link)));
  }

  #isReachedByLink({ id, address, fenced, serials }: StoredHost): boolean {
    return id !== this.#options.own.id && address !== "" && !fenced && serials.length > 0;
  }

  #open({ id, address, serials }: StoredHost): void {
    this.#serials.set(id, serials);
    if (this.#links.has(id)) return;
    const { identity, clock, log, answer, images, flows, opened } = this.#options;
    const tell = opened && { opened: (driver: HypervisorDriver) => opened(id, driver) };
    const more = { ...(images && { images }), ...(flows && { flows: (tail: RemoteTail) => flows(id, tail) }) };
    const common = { identity, clock, log, answer, ...more, ...tell, changed: () => this.#listeners.tell() };
    this.#links.set(id, new AgentLink({ hostId: id, address, serials: () => this.#serials.get(id) ?? [], ...common }));
  }

  async #close(id: string, link: AgentLink): Promise<void> {
    this.#links.delete(id);
    await link.close();
  }

  /** A host without a channel is listed as long as it was listed before: what is asked of it then says why it can't be done. */
  #list({ id, fenced, capacity }: StoredHost): void {
    const { hosts, own } = this.#options;
    const driver = id === own.id ? own.driver : (this.#links.get(id)?.driver ?? hosts.get(id)?.driver);
    if (driver === undefined) return;
    const known = id === own.id ? (this.#own ?? capacity) : capacity;
    hosts.set({ id, driver, reachable: this.hindrance(id) === "", fenced, capacity: known });
  }

  async #lookHere(): Promise<void> {
    const { driver, dataDir } = this.#options.own;
    const { machines } = await driver.inventory(new AbortController().signal);
    const what = {
      driver: driver.name,
      accelerator: driver.accelerator?.name ?? "",
      architecture: architecture(),
      machineTypes: kindsOf(driver),
      versions: versions(),
    };
    this.#own = {
      ...capacityOf(dataDir),
      ...what,
      machines: machines.length,
      certificateExpiresAt: Number.POSITIVE_INFINITY,
    };
  }

  #ownNews(): Told | undefined {
    return this.#own && { at: this.#options.clock.now(), session: "", facts: this.#own };
  }
}
