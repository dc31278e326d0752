// The agent as its host's server: mutual TLS on one port. Calls come from the cloud's servers alone; streams of moves from other hosts.
import { randomUUID, X509Certificate } from "node:crypto";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { checkServerIdentity, type TLSSocket } from "node:tls";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { serverName } from "../../backends/hypervisor/remote/names.ts";
import type { Clock } from "../../clock.ts";
import { requestCertificate } from "../../x509.ts";
import type { AgentLog } from "../log.ts";
import { adapter } from "./adapter.ts";
import { Door } from "./door.ts";
import type { HostFlows } from "./flow-lines.ts";
import { type AgentIdentity, writeIdentity } from "./identity.ts";
import { ImageIntake } from "./image-intake.ts";
import { MoveStreams, moveProtocol } from "./move-streams.ts";
import { RemoteDirectory } from "./remote-directory.ts";
import { addAgentService, refusals } from "./service.ts";

export interface AgentOptions {
  readonly identity: AgentIdentity;
  readonly driver: HypervisorDriver;
  readonly accelerator: string;
  /** Where the identity is kept. */
  readonly dataDir: string;
  /** Where machines' disks are kept. Default the same. */
  readonly disksDir?: string;
  /** Through which the driver gets images that the servers have. Default: it gets none. */
  readonly intake?: ImageIntake;
  /** What carries the driver's moves. Default: nothing does. */
  readonly moves?: MoveStreams;
  /** What the host's network writes down of flows. Default: nothing is known of it. */
  readonly flows?: HostFlows;
  readonly clock: Clock;
  readonly log: AgentLog;
}

export interface ServingAgent {
  readonly port: number;
  /** What the guests' names and metadata are asked of. */
  readonly directory: RemoteDirectory;
  stop(): Promise<void>;
}

/** A certificate of the authority is not enough: those of other hosts are of the same one. */
function isServer(socket: TLSSocket): boolean {
  return socket.authorized && checkServerIdentity(serverName, socket.getPeerCertificate()) === undefined;
}

/** Serves until it is stopped. @throws the system's error if the port can't be opened */
export async function serveAgent(options: AgentOptions): Promise<ServingAgent> {
  const directory = new RemoteDirectory();
  const stopping = new AbortController();
  const moves = options.moves ?? new MoveStreams(options.identity);
  const { calls, door } = open({ ...options, moves }, directory, stopping.signal);
  calls.on("session", (session) => session.on("error", () => session.destroy()));
  const { hostname, port: wanted } = new URL(`https://${options.identity.listen}`);
  const port = await door.listen(hostname.replace(/^\[|\]$/g, ""), Number(wanted));
  return {
    port,
    directory,
    async stop() {
      stopping.abort();
      moves.close();
      await door.close();
    },
  };
}

type Opening = AgentOptions & { readonly moves: MoveStreams };

function open(options: Opening, directory: RemoteDirectory, stopping: AbortSignal): Doors {
  const { identity, moves, log } = options;
  const renewal = new Renewal(options, (renewed) => {
    door.show(renewed);
    moves.show(renewed);
  });
  const calls = callsOf(options, directory, renewal, stopping);
  const enter = (socket: TLSSocket) => {
    if (socket.alpnProtocol === moveProtocol) moves.take(socket);
    else if (isServer(socket)) calls.emit("secureConnection", socket);
    else socket.destroy();
  };
  const turnedAway = (err: Error) => log.info({ err }, "a stranger was turned away");
  const door = new Door({ identity, protocols: ["h2", moveProtocol], enter, turnedAway });
  return { calls, door };
}

/** The door listens; what comes through it and is a server's goes on to the calls. */
interface Doors {
  readonly calls: Http2SecureServer;
  readonly door: Door;
}

function callsOf(
  options: Opening,
  directory: RemoteDirectory,
  renewal: Renewal,
  shutdownSignal: AbortSignal,
): Http2SecureServer {
  const { driver, accelerator, dataDir, disksDir = dataDir, intake = new ImageIntake(), flows, clock, log } = options;
  const handler = adapter({ interceptors: [refusals(log)], shutdownSignal, log }, (router) =>
    addAgentService(router, {
      driver,
      accelerator,
      disksDir,
      intake,
      flows,
      clock,
      log,
      directory,
      instanceId: randomUUID(),
      requestCertificate: () => renewal.request(),
      installCertificate: (pem) => renewal.install(pem),
      certificateExpiresAt: () => renewal.expiresAt,
    }),
  );
  return createSecureServer({}, handler);
}

/** A certificate's renewal: a key is made here, and leaves this machine never. */
class Renewal {
  readonly #options: AgentOptions;
  readonly #use: (identity: AgentIdentity) => void;
  #key: string | undefined;
  #shown: string;

  constructor(options: AgentOptions, use: (identity: AgentIdentity) => void) {
    this.#options = options;
    this.#use = use;
    this.#shown = options.identity.certificate;
  }

  /** Of what is shown now; milliseconds since 1970. */
  get expiresAt(): number {
    return Date.parse(new X509Certificate(this.#shown).validTo);
  }

  async request(): Promise<string> {
    const { key, request } = await requestCertificate(this.#options.identity.hostId);
    this.#key = key;
    return request;
  }

  install(certificate: string): void {
    const { identity, dataDir, log } = this.#options;
    if (this.#key === undefined) throw new Error("no certificate was asked for");
    const renewed = { ...identity, key: this.#key, certificate };
    writeIdentity(dataDir, renewed);
    this.#use(renewed);
    this.#shown = certificate;
    log.info({ host: identity.hostId }, "the certificate was renewed");
  }
}
