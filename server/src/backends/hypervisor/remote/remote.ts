// A host's hypervisor over the channel to its agent.
import type { Duplex } from "node:stream";
import type { CallOptions, Client } from "@connectrpc/connect";
import type { HostAgentService } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type {
  ExportedDisk,
  ExportSource,
  HypervisorDriver,
  ImageFacts,
  ImageSource,
  MachineConsoles,
  MachineMoves,
  MachineSnapshots,
  MachineSpec,
  MachineState,
  MachineStatistics,
} from "../driver.ts";
import { openDuplex } from "./console.ts";
import { fromWire, unreachable } from "./errors.ts";
import { bringImage, type FindImage } from "./image-bytes.ts";
import { exportedParts, moveOf, offerOf, specMessage, stateOf, statisticsOf } from "./messages.ts";

export type AgentClient = Client<typeof HostAgentService>;

/** The ends of the channel, as they are now. */
export interface Channel {
  readonly hostId: string;
  /** host:port, where the agent is found by servers and by other hosts. */
  readonly address: string;
  /** Undefined: there is none now. */
  client(): AgentClient | undefined;
  /** Why there is none. */
  hindrance(): string;
  /** The driver's name, once it is known. */
  driverName(): string;
  can(facet: "snapshots" | "consoles" | "exports" | "moves" | "growsCpu" | "growsMemory"): boolean;
  /** Kinds of machines that the host can't run, with the reasons. */
  cantRun(): NonNullable<HypervisorDriver["cantRun"]>;
  /** How the host executes instructions; undefined: that is not known yet, or nothing is executed. */
  accelerator(): NonNullable<HypervisorDriver["accelerator"]> | undefined;
  /** What the server can send itself of the images that hosts need. */
  readonly images?: FindImage;
}

/** An agent answers at once or not at all, in milliseconds. */
const shortMs = 30_000;
/** What copies disks or downloads images may take this long. */
const longMs = 60 * 60_000;

type Change = { readonly vmId: string; readonly owner: string };

export class RemoteHypervisor implements HypervisorDriver {
  /** The server's process may end: the agent's goes on. What an agent forgets is told by its own hello. */
  readonly volatile = false;
  readonly snapshots: MachineSnapshots;
  readonly consoles: MachineConsoles;
  readonly moves: MachineMoves;
  readonly #channel: Channel;
  readonly #listeners = new Listeners<Change>();

  constructor(channel: Channel) {
    this.#channel = channel;
    this.snapshots = this.#snapshots();
    this.consoles = this.#consoles();
    this.moves = this.#moves();
  }

  get name(): string {
    return this.#channel.driverName();
  }

  get accelerator(): NonNullable<HypervisorDriver["accelerator"]> | undefined {
    return this.#channel.accelerator();
  }

  get cantRun(): NonNullable<HypervisorDriver["cantRun"]> {
    return this.#channel.cantRun();
  }

  get growsWhileRunning(): { readonly cpu: boolean; readonly memory: boolean } {
    return { cpu: this.#channel.can("growsCpu"), memory: this.#channel.can("growsMemory") };
  }

  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void> {
    const bytes = this.#channel.images?.(source);
    const bring = (client: AgentClient, options: CallOptions) =>
      bringImage(source, bytes, (requests) => client.ensureImage(requests, options));
    return this.#call(bring, signal, longMs);
  }

  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.removeImage({ imageId }, options), signal);
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.define(specMessage(spec), options), signal, longMs);
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.start({ vmId }, options), signal);
  }

  async stop(vmId: string, { graceMs }: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.stop({ vmId, graceMs }, options), signal);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.reset({ vmId }, options), signal);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    const { usage } = await this.#call((client, options) => client.getStatistics({ vmId }, options), signal);
    return usage && statisticsOf(usage);
  }

  async state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined> {
    return stateOf(await this.#call((client, options) => client.getState({ vmId }, options), signal));
  }

  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    await this.#call((client, options) => client.remove({ vmId }, options), signal);
  }

  async inventory(
    signal: AbortSignal,
  ): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    const { machines, images } = await this.#call((client, options) => client.getInventory({}, options), signal);
    return { machines, images };
  }

  async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    this.#need("exports", "export disks");
    const answers = this.#client()
      .exportDisk({ vmId, ...source }, { signal })
      [Symbol.asyncIterator]();
    const next = () => this.#translated(answers.next(), signal);
    const { value: first } = await next();
    return { sizeBytes: first?.sizeBytes ?? 0, parts: exportedParts(next, () => answers.return?.()) };
  }

  onChange(listener: (machine: Change) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Tells of a change that the agent told of. */
  changed(machine: Change): void {
    this.#listeners.tell(machine);
  }

  /** The channel is whoever's opened it. */
  async close(): Promise<void> {}

  #snapshots(): MachineSnapshots {
    type Ask = (client: AgentClient, options: CallOptions) => Promise<unknown>;
    const run = async (ask: Ask, signal: AbortSignal) => {
      this.#need("snapshots", "take snapshots");
      await this.#call(ask, signal, longMs);
    };
    return {
      take: (vmId, snapshotId, signal) => run((client, o) => client.takeSnapshot({ vmId, snapshotId }, o), signal),
      restore: (vmId, snapshotId, signal) =>
        run((client, o) => client.restoreSnapshot({ vmId, snapshotId }, o), signal),
      remove: (vmId, snapshotId, signal) => run((client, o) => client.removeSnapshot({ vmId, snapshotId }, o), signal),
      list: async (vmId, signal) => {
        this.#need("snapshots", "take snapshots");
        return (await this.#call((client, options) => client.listSnapshots({ vmId }, options), signal)).snapshotIds;
      },
    };
  }

  #consoles(): MachineConsoles {
    return {
      open: async (vmId, type, signal): Promise<Duplex> => {
        this.#need("consoles", "open consoles");
        const client = this.#client();
        const opening = openDuplex(
          { vmId, type },
          (asked, ends) => client.openConsole(asked, { signal: ends }),
          signal,
        );
        return this.#translated(opening, signal);
      },
      log: async (vmId, maxBytes, signal) => {
        this.#need("consoles", "open consoles");
        return (await this.#call((client, options) => client.readConsoleLog({ vmId, maxBytes }, options), signal)).data;
      },
    };
  }

  #moves(): MachineMoves {
    type Ask<T> = (client: AgentClient, options: CallOptions) => Promise<T>;
    const run = async <T>(ask: Ask<T>, signal: AbortSignal, timeoutMs = shortMs) => {
      this.#need("moves", "move machines");
      return this.#call(ask, signal, timeoutMs);
    };
    const { hostId, address } = this.#channel;
    return {
      // The agent does not know under which address others find it.
      offer: async (spec, signal) => {
        const { secret } = offerOf(await run((client, o) => client.offerMove(specMessage(spec), o), signal, longMs));
        return { address, secret, hostId };
      },
      send: async (vmId, offer, signal) => void (await run((client, o) => client.sendMove({ vmId, offer }, o), signal)),
      state: async (vmId, signal) => moveOf(await run((client, o) => client.getMove({ vmId }, o), signal)),
      settle: async (vmId, signal) => void (await run((client, o) => client.settleMove({ vmId }, o), signal, longMs)),
      cancel: async (vmId, signal) => void (await run((client, o) => client.cancelMove({ vmId }, o), signal)),
    };
  }

  #need(facet: Parameters<Channel["can"]>[0], what: string): void {
    this.#client();
    const { hostId } = this.#channel;
    if (!this.#channel.can(facet))
      throw new DriverError("refused", `host ${hostId}, which has ${this.name}, can't ${what}`);
  }

  #client(): AgentClient {
    const client = this.#channel.client();
    if (client !== undefined) return client;
    throw unreachable(this.#channel.hostId, new Error(this.#channel.hindrance()));
  }

  async #call<T>(
    ask: (client: AgentClient, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
    timeoutMs = shortMs,
  ): Promise<T> {
    signal.throwIfAborted();
    return this.#translated(ask(this.#client(), { signal, timeoutMs }), signal);
  }

  #translated<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    return answer.catch((error: unknown) => {
      throw fromWire(this.#channel.hostId, error, signal);
    });
  }
}
