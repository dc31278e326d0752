// The hosts of the cloud put together: the hypervisor over all of them, the channels to their agents, how one joins, and who watches them.
import { hostname } from "node:os";
import type { Catalog } from "@photoncloud/proto";
import { type Host, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import type { Directory } from "./agent/directory.ts";
import type { Drivers } from "./backends/drivers.ts";
import { Hosts } from "./backends/hypervisor/hosts.ts";
import { onHosts } from "./backends/hypervisor/on-hosts.ts";
import type { FindImage } from "./backends/hypervisor/remote/image-bytes.ts";
import type { Identity } from "./backends/hypervisor/remote/link.ts";
import { AgentLinks, type StoredHost } from "./backends/hypervisor/remote/links.ts";
import { hostName, serverName } from "./backends/hypervisor/remote/names.ts";
import type { Clock } from "./clock.ts";
import { FlowsOfHosts, type HostFlowsOptions } from "./host-flows.ts";
import type { Log } from "./rpc/index.ts";
import type { ResourceCalls, ServiceHandlers } from "./services/call.ts";
import type { Authority } from "./services/plasmavmc/host/authority.ts";
import { JoinTokens } from "./services/plasmavmc/host/join-tokens.ts";
import { joiningService } from "./services/plasmavmc/host/joining.ts";
import { ensureHost } from "./services/plasmavmc/host/own.ts";
import { HostWatcher } from "./services/plasmavmc/host/watcher.ts";
import { OwedRemovals } from "./services/plasmavmc/image/owed-removals.ts";
import { Scheduler } from "./services/plasmavmc/vm/placement/scheduler.ts";
import { createDirectory } from "./services/prismnet/directory.ts";
import type { Store } from "./store/store.ts";

export interface HostsOptions {
  readonly drivers: Drivers;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Certifies hosts to servers, and servers to hosts. */
  authority(): Promise<Authority>;
  /** The id of the server's own host. */
  readonly ownId: string;
  /** Where this machine's disks are. */
  readonly dataDir: string;
  /** What hosts are sent of the images that they can't get by themselves. */
  readonly images: FindImage;
  /** Where the flows of hosts are kept, and the network that they are of. Undefined: packets are simulated. */
  readonly flows: HostFlowsOptions | undefined;
  random(bytes: number): Uint8Array;
}

/** How long a server shows one certificate to agents, in milliseconds: half of its life. */
const identityMs = 86_400_000;

/** The id of the server's own host. `shared`: several servers share the store, so that each is a host by its machine's name. */
export function ownIdOf(shared: boolean): string {
  if (!shared) return "local";
  const slug = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return slug === "" ? "local" : slug.slice(0, 63);
}

export class CloudHosts {
  /** The drivers, with the hypervisor over all hosts. */
  readonly drivers: Drivers;
  readonly #options: HostsOptions;
  readonly #links: AgentLinks;
  readonly #flows: FlowsOfHosts | undefined;
  readonly #removals: OwedRemovals;
  #identity: { readonly at: number; readonly made: Promise<Identity> } | undefined;
  #watcher: HostWatcher | undefined;

  constructor(options: HostsOptions) {
    this.#options = options;
    const { drivers, clock, log, dataDir, ownId } = options;
    const hosts = new Hosts();
    const own = { id: ownId, driver: drivers.hypervisor, dataDir };
    const refresh = async () => void (await this.#watcher?.follow());
    this.#flows = options.flows && new FlowsOfHosts({ ...options.flows, clock, log });
    const say = (message: string, err?: unknown) => log.info({ err }, message);
    this.#removals = new OwedRemovals({ records: options.store.records, clock, log: say });
    const places = new Scheduler({ store: options.store, known: (id) => hosts.known(id), refresh });
    this.drivers = {
      ...drivers,
      places,
      hypervisor: onHosts({ hosts, own: drivers.hypervisor, ownId, removals: this.#removals }),
    };
    this.#links = new AgentLinks({
      hosts,
      own,
      clock,
      identity: () => this.#showIdentity(),
      answer: answering(createDirectory({ store: options.store, clock })),
      images: options.images,
      opened: (hostId, driver) => this.#removals.settle(hostId, driver),
      flows: (hostId, tail) => this.#flows?.follow(hostId, tail),
      log: say,
    });
  }

  service(resources: ResourceCalls, catalog: Catalog): ServiceHandlers {
    const { store, clock, random, authority } = this.#options;
    const tokens = new JoinTokens({ records: store.records, clock, random });
    return joiningService({ store, resources, catalog, tokens, authority, nameOf: hostName });
  }

  /** Makes this machine a host, and begins to follow all. What is asked of machines waits for that. */
  async start(resources: ResourceCalls, catalog: Catalog): Promise<void> {
    const { store, clock, log, authority, ownId } = this.#options;
    await ensureHost({ resources, catalog }, ownId);
    const channels = {
      follow: (hosts: readonly Host[]) => this.#links.follow(hosts.map(storedOf)),
      news: (id: string) => this.#links.news(id),
      hindrance: (id: string) => this.#links.hindrance(id),
      renew: (...args: Parameters<AgentLinks["renew"]>) => this.#links.renew(...args),
      onNews: (listener: () => void) => this.#links.onNews(listener),
    };
    this.#watcher = new HostWatcher({ store, clock, log, channels, authority, nameOf: hostName });
    await this.#watcher.look();
    this.#watcher.start();
  }

  async stop(): Promise<void> {
    await this.#watcher?.stop();
    await Promise.all([this.#links.close(), this.#flows?.stop(), this.#removals.stop()]);
  }

  #showIdentity(): Promise<Identity> {
    const now = this.#options.clock.now();
    if (this.#identity === undefined || Math.abs(now - this.#identity.at) > identityMs)
      this.#identity = { at: now, made: this.#makeIdentity() };
    return this.#identity.made;
  }

  async #makeIdentity(): Promise<Identity> {
    const authority = await this.#options.authority();
    return { authority: authority.certificate, ...(await authority.serverIdentity(serverName)) };
  }
}

function storedOf({ id, address, state, certificates, capacity }: Host): StoredHost {
  return {
    id,
    address,
    fenced: state === HostState.FENCED,
    serials: certificates.map(({ serial }) => serial),
    capacity: {
      cpu: capacity?.cpu ?? 0,
      memoryMib: Number(capacity?.memoryMib ?? 0),
      diskGib: Number(capacity?.diskGib ?? 0),
    },
  };
}

/** The directory's methods by name. An agent runs on a host of the cloud's, which may ask about any guest. */
function answering(directory: Directory): (method: string, values: readonly unknown[]) => Promise<unknown> {
  const names = ["addresses", "nameOf", "networks", "guest"] as const satisfies readonly (keyof Directory)[];
  return async (method, values) => {
    const name = names.find((known) => known === method);
    if (name === undefined) throw new Error(`${method} is no question of the directory`);
    return Reflect.apply(directory[name], directory, [...values]);
  };
}
