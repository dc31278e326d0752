// Follows the hosts: has their agents reached, writes down what they tell, and says of one that has fallen silent that it has.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Host,
  HostCapacitySchema,
  HostCertificateSchema,
  HostSchema,
  HostState,
} from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { Clock } from "../../../clock.ts";
import { messageOf } from "../../../engine/message.ts";
import { Gatherer } from "../../../gatherer.ts";
import type { Store } from "../../../store/store.ts";
import type { Authority } from "./authority.ts";
import { hostKey, notJoined, report } from "./report.ts";

/** What an agent tells of its host. */
export interface HostFacts {
  readonly driver: string;
  readonly accelerator: string;
  readonly architecture: string;
  readonly machineTypes: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly diskGib: number;
  readonly machines: number;
  /** Of the certificate that the agent shows; milliseconds since 1970. */
  readonly certificateExpiresAt: number;
}

/** What was heard of a host. */
export interface HostNews {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Another one each time that it was reached anew. */
  readonly session: string;
  readonly facts: HostFacts;
}

/** The channels to the hosts. */
export interface HostChannels {
  /** The hosts as they are stored: opens, keeps and closes what that asks for. */
  follow(hosts: readonly Host[]): Promise<void>;
  /** Undefined: nothing, since this server began. */
  news(hostId: string): HostNews | undefined;
  /** Why a host can't be reached; "" where it can. Undefined: there is no channel to it. */
  hindrance(hostId: string): string | undefined;
  /** Has an agent make a key, certified by `certify`, and shows that certificate from then on. */
  renew(hostId: string, certify: (request: string) => Promise<string>, signal: AbortSignal): Promise<void>;
  /** Calls back when there is something new. Answers how to stop. */
  onNews(listener: () => void): () => void;
}

export interface HostWatcherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly channels: HostChannels;
  readonly authority: () => Promise<Authority>;
  /** The name in a host's certificate. */
  nameOf(hostId: string): string;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** After this without a sign of life a host is silent, in milliseconds; told in host.proto. Four signs are missed then. */
const silentMs = 20_000;
/** Signs of life are written down at most so often, in milliseconds. */
const seenMs = 10_000;
/** How often the stored hosts are looked at, in milliseconds: a new or a fenced one should not wait. */
const lookMs = 1_000;
/** A certificate is renewed when it has less than this left, in milliseconds: a third of its life. */
const renewMs = 10 * 86_400_000;
/** An agent tells of its new certificate within a few seconds; until then, and after a failure, it is not renewed again. Milliseconds. */
const renewAgainMs = 60_000;
/** All machines are looked at again within this, in milliseconds, when a host comes or goes. */
const spreadMs = 1_000;
/** More hosts than one cloud has. */
const mostHosts = 10_000;

export class HostWatcher {
  readonly #options: HostWatcherOptions;
  readonly #stopping = new AbortController();
  /** The session that each host's machines were looked at in. */
  readonly #greeted = new Map<string, string>();
  readonly #states = new Map<string, HostState>();
  readonly #renewedAt = new Map<string, number>();
  /** One at a time, or the channels could be told something older last; who asks meanwhile shares the next. */
  readonly #follows = new Gatherer<void, readonly Host[]>(Number.POSITIVE_INFINITY, async (asked) => {
    const hosts = await this.#tellChannels();
    return asked.map(() => hosts);
  });
  #woken = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  constructor(options: HostWatcherOptions) {
    this.#options = options;
  }

  start(): void {
    const unhear = this.#options.channels.onNews(() => this.#woken.resolve());
    this.#running = this.#run().finally(unhear);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#woken.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, store, log } = this.#options;
    const { signal } = this.#stopping;
    // What images are made of is known again when they have been looked at.
    await store.scheduleAll(ImageSchema.typeName, 0);
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers();
      await this.look().catch((err: unknown) => log.warn({ err }, "the hosts could not be looked at"));
      const resting = new AbortController();
      await Promise.race([this.#woken.promise, clock.sleep(lookMs, AbortSignal.any([signal, resting.signal]))]);
      resting.abort();
    }
  }

  /** Looks at all hosts once. */
  async look(): Promise<void> {
    for (const host of await this.follow()) await this.#lookAt(host);
  }

  /** Has the channels know what is stored now. */
  follow(): Promise<readonly Host[]> {
    return this.#follows.add();
  }

  async #tellChannels(): Promise<readonly Host[]> {
    const { store, channels } = this.#options;
    const rows = await store.list({
      tenants: [{ org: "", project: "" }],
      kind: HostSchema.typeName,
      limit: mostHosts,
    });
    const hosts = rows.filter(({ phase }) => phase === "live").map((row) => messageOf(HostSchema, row));
    await channels.follow(hosts);
    return hosts;
  }

  async #lookAt(host: Host): Promise<void> {
    if (host.state !== HostState.FENCED) {
      await this.#tell(host);
      await this.#renew(host);
    }
    await this.#wakeMachines(host);
  }

  async #tell(host: Host): Promise<void> {
    const { store, clock, channels } = this.#options;
    const news = channels.news(host.id);
    const seen = Math.max(news?.at ?? 0, host.lastSeenTime === undefined ? 0 : timestampMs(host.lastSeenTime));
    const next = stateOf(host, clock.now() - seen);
    const isNews = news !== undefined && (next !== host.state || isOther(host, news.facts));
    const reason = next === HostState.READY ? "" : (channels.hindrance(host.id) ?? notJoined);
    const isSilence = news === undefined && next !== host.state;
    const isReason = next !== HostState.READY && reason !== host.stateReason;
    const isSeen = news !== undefined && news.at - timestampOf(host) >= seenMs;
    if (!isNews && !isSilence && !isReason && !isSeen) return;
    const quiet = !isNews && !isSilence && !isReason;
    await report(store, host.id, (outputs) => apply(outputs, next, reason, seen, news?.facts), { quiet });
    host.state = next;
  }

  /** When a host comes or goes, everything on it is looked at: its machines may have changed unseen, or must say that nobody knows. */
  async #wakeMachines(host: Host): Promise<void> {
    const { store, channels, log } = this.#options;
    const session = channels.news(host.id)?.session ?? "";
    const before = this.#states.get(host.id);
    const isSame = this.#greeted.get(host.id) === session && before === host.state;
    if (!isSame && (before !== undefined || session !== "")) {
      log.info({ host: host.id }, "a host came or went: the machines are looked at");
      // What is left there of machines that went is removed first.
      await store.transact(async (tx) => tx.schedule(hostKey(host.id)));
      await store.scheduleAll(VmSchema.typeName, spreadMs);
    }
    this.#greeted.set(host.id, session);
    this.#states.set(host.id, host.state);
  }

  /** The old certificate stays good until it ends: this server may end before the agent shows the new one. */
  async #renew(host: Host): Promise<void> {
    const { store, clock, channels, authority, nameOf, log } = this.#options;
    const now = clock.now();
    const left = (channels.news(host.id)?.facts.certificateExpiresAt ?? Number.POSITIVE_INFINITY) - now;
    const since = now - (this.#renewedAt.get(host.id) ?? Number.NEGATIVE_INFINITY);
    if (left > renewMs || since < renewAgainMs || channels.hindrance(host.id) !== "") return;
    this.#renewedAt.set(host.id, now);
    const certify = async (request: string) => {
      const { pem, serial, expiresAt } = await (await authority()).certifyHost(nameOf(host.id), request);
      const certificate = create(HostCertificateSchema, { serial, expireTime: timestampFromMs(expiresAt) });
      await report(store, host.id, (outputs) => {
        const good = outputs.certificates.filter(({ expireTime }) => expireTime && timestampMs(expireTime) > now);
        if (outputs.state !== HostState.FENCED) outputs.certificates = [...good, certificate];
      });
      return pem;
    };
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(silentMs)]);
    await channels.renew(host.id, certify, signal).catch((err: unknown) => {
      log.warn({ err, host: host.id }, "the certificate of a host could not be renewed; it is tried again");
    });
  }
}

/** One that has never been heard of waits for its agent, however long. */
function stateOf(host: Host, silence: number): HostState {
  if (silence <= silentMs) return HostState.READY;
  return host.state === HostState.JOINING ? HostState.JOINING : HostState.SILENT;
}

const timestampOf = ({ lastSeenTime }: Host): number => (lastSeenTime === undefined ? 0 : timestampMs(lastSeenTime));

/** Whether what is stored differs from what was told. */
function isOther(host: Host, facts: HostFacts): boolean {
  const { cpu, memoryMib, diskGib } = host.capacity ?? create(HostCapacitySchema);
  if (cpu !== facts.cpu || Number(memoryMib) !== facts.memoryMib || Number(diskGib) !== facts.diskGib) return true;
  if (host.machines !== facts.machines || host.accelerator !== facts.accelerator) return true;
  if (host.drivers.join() !== facts.driver || host.architecture !== facts.architecture) return true;
  if (host.machineTypes.join() !== facts.machineTypes.join()) return true;
  return Object.entries(facts.versions).some(([name, version]) => host.versions[name] !== version);
}

function apply(outputs: Host, state: HostState, reason: string, seen: number, facts: HostFacts | undefined): void {
  if (outputs.state === HostState.FENCED) return;
  outputs.state = state;
  outputs.stateReason = reason;
  if (seen > 0) outputs.lastSeenTime = timestampFromMs(seen);
  if (facts === undefined) return;
  const { cpu, memoryMib, diskGib, machines, driver, accelerator, architecture, versions, machineTypes } = facts;
  outputs.capacity = create(HostCapacitySchema, { cpu, memoryMib: BigInt(memoryMib), diskGib: BigInt(diskGib) });
  Object.assign(outputs, { machines, drivers: [driver], accelerator, architecture, versions: { ...versions } });
  outputs.machineTypes = [...machineTypes];
}
