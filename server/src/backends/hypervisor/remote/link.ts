// The channel to one host's agent: opened again whenever it breaks, and believed only from the very host, with a certificate that is still good.
import { randomUUID } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { checkServerIdentity } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  type Beat,
  type FollowResponse,
  type Hello,
  HostAgentService,
} from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type { Clock } from "../../../clock.ts";
import type { HypervisorDriver } from "../driver.ts";
import { answerQuestions } from "./answers.ts";
import { RemoteTail } from "./flow-tail.ts";
import type { FindImage } from "./image-bytes.ts";
import { beatMs, hostName } from "./names.ts";
import { type AgentClient, RemoteHypervisor } from "./remote.ts";

/** What this end shows, and whom it believes; PEM. */
export interface Identity {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

export interface LinkOptions {
  readonly hostId: string;
  /** host:port */
  readonly address: string;
  /** Asked at each opening. */
  identity(): Promise<Identity>;
  /** The serial numbers, in hexadecimal, of the certificates that are good now. */
  serials(): readonly string[];
  /** Answers what a host's guests ask of the cloud; undefined: nothing. */
  readonly answer: ((method: string, values: readonly unknown[]) => Promise<unknown>) | undefined;
  /** What the server can send itself of the images that the host needs. */
  readonly images?: FindImage;
  /** Told of each channel that was opened. */
  readonly opened?: (driver: HypervisorDriver) => void;
  /** Told of each channel: what the host's network writes down can be read while it is open. */
  readonly flows?: (tail: RemoteTail) => void;
  /** Told when the channel was opened or lost, and at each sign of life. */
  changed(): void;
  readonly clock: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

/** What an agent has told, and when. */
export interface Heard {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Another one each time that the channel is opened. */
  readonly session: string;
  readonly hello: Hello;
  readonly beat: Beat;
}

/** How soon a lost channel is opened again, in milliseconds: a restarted agent should not be missed for long. */
const againMs = 1_000;
/** A channel on which nothing was heard for so long is given up. */
const patienceMs = 3 * beatMs;
/** The longest that a timer can hold, in milliseconds. */
const never = 2 ** 31 - 1;

export class AgentLink {
  readonly driver: RemoteHypervisor;
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #client: AgentClient | undefined;
  #heard: Heard | undefined;
  #hindrance = "its agent has not answered yet";

  constructor(options: LinkOptions) {
    this.#options = options;
    const { hostId, address, images } = options;
    this.driver = new RemoteHypervisor({
      hostId,
      address,
      ...(images && { images }),
      client: () => this.#client,
      hindrance: () => this.#hindrance,
      driverName: () => this.#heard?.hello.driver ?? "remote",
      can: (facet) => this.#heard?.hello[facet] ?? false,
      cantRun: () => this.#heard?.hello.cantRun ?? {},
      accelerator: () => {
        const name = this.#heard?.hello.accelerator;
        return name === "kvm" || name === "tcg" ? { name } : undefined;
      },
    });
    this.#running = this.#run();
  }

  get address(): string {
    return this.#options.address;
  }

  /** Undefined: nothing was heard yet. */
  get heard(): Heard | undefined {
    return this.#heard;
  }

  /** Why there is no channel; "" where there is one. */
  get hindrance(): string {
    return this.#client === undefined ? this.#hindrance : "";
  }

  /** The agent, if there is a channel. */
  get client(): AgentClient | undefined {
    return this.#client;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#session().catch((error: unknown) => this.#lost(error));
      await clock.sleep(againMs, signal);
    }
  }

  async #session(): Promise<never> {
    const manager = await this.#connect();
    const session = new AbortController();
    const signal = AbortSignal.any([session.signal, this.#closing.signal]);
    const watch = new Watchdog(patienceMs, () => session.abort(new Error("nothing was heard of it")));
    try {
      const baseUrl = `https://${this.#options.address}`;
      const transport = createConnectTransport({ httpVersion: "2", baseUrl, sessionManager: manager });
      const client = createClient(HostAgentService, transport);
      const id = randomUUID();
      for await (const { news } of client.follow({}, { signal })) {
        watch.feed();
        this.#take(news, id, client);
      }
      throw new Error("its agent ended");
    } finally {
      watch.stop();
      this.#client = undefined;
      manager.abort();
    }
  }

  async #connect(): Promise<Http2SessionManager> {
    const { hostId, address, identity } = this.#options;
    const { authority, cert, key } = await identity();
    return new Http2SessionManager(
      `https://${address}`,
      // A PING that times out while the channel is given up ends the process, by an error that nobody is left to hear. Beats tell as much.
      { pingIntervalMs: never, idleConnectionTimeoutMs: never },
      {
        ca: authority,
        cert,
        key,
        minVersion: "TLSv1.3",
        servername: hostName(hostId),
        checkServerIdentity: (_, peer) => checkServerIdentity(hostName(hostId), peer) ?? this.#checkSerial(peer),
      },
    );
  }

  #checkSerial({ serialNumber }: PeerCertificate): Error | undefined {
    const good = this.#options.serials().some((serial) => BigInt(`0x${serial}`) === BigInt(`0x${serialNumber}`));
    return good ? undefined : new Error("its certificate is not good any more");
  }

  #take(news: FollowResponse["news"], session: string, client: AgentClient): void {
    const at = this.#options.clock.now();
    if (news.case === "hello" && news.value.beat !== undefined) {
      this.#client = client;
      this.#serveDirectory(client);
      this.#followFlows(client, news.value);
      this.#heard = { at, session, hello: news.value, beat: news.value.beat };
      this.#options.opened?.(this.driver);
    } else if (this.#heard !== undefined)
      this.#heard = { ...this.#heard, at, ...(news.case === "beat" && { beat: news.value }) };
    if (news.case === "changed") this.driver.changed({ vmId: news.value.vmId, owner: news.value.owner });
    else this.#options.changed();
  }

  /** Ends with the channel. */
  #serveDirectory(client: AgentClient): void {
    const { answer, log } = this.#options;
    if (answer === undefined) return;
    const { signal } = this.#closing;
    answerQuestions((answers) => client.askDirectory(answers, { signal }), answer).catch((error: unknown) => {
      if (this.#client === client) log("the questions of a host's guests are not answered", error);
    });
  }

  #followFlows(client: AgentClient, { flows }: Hello): void {
    const { flows: take, clock } = this.#options;
    if (!flows || take === undefined) return;
    const closing = this.#closing.signal;
    const call: ConstructorParameters<typeof RemoteTail>[0] = (kept, signal) =>
      client.followFlows(kept, { signal: AbortSignal.any([signal, closing]) });
    take(new RemoteTail(call, clock));
  }

  #lost(error: unknown): void {
    const why = wordsOf(error);
    if (this.#closing.signal.aborted) return;
    if (why !== this.#hindrance) this.#options.log(`the channel to host ${this.#options.hostId} is lost: ${why}`);
    this.#hindrance = why;
    this.#options.changed();
  }
}

/** The innermost words: what Connect wraps around them tells nothing more. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return wordsOf(error.cause);
  return "rawMessage" in error ? String(error.rawMessage) : error.message;
}

/** Barks when it is not fed for a while. */
class Watchdog {
  readonly #ms: number;
  readonly #bark: () => void;
  #timer: NodeJS.Timeout;

  constructor(ms: number, bark: () => void) {
    this.#ms = ms;
    this.#bark = bark;
    this.#timer = setTimeout(bark, ms);
  }

  feed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#bark, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
