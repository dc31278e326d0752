// The agent as its host's server: mutual TLS, and nobody but the cloud's servers are let in.
import { randomUUID, X509Certificate } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { checkServerIdentity, type TLSSocket } from "node:tls";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { serverName } from "../../backends/hypervisor/remote/names.ts";
import type { Clock } from "../../clock.ts";
import { requestCertificate } from "../../x509.ts";
import type { AgentLog } from "../log.ts";
import { adapter } from "./adapter.ts";
import { type AgentIdentity, writeIdentity } from "./identity.ts";
import { RemoteDirectory } from "./remote-directory.ts";
import { addAgentService, refusals } from "./service.ts";

export interface AgentOptions {
  readonly identity: AgentIdentity;
  readonly driver: HypervisorDriver;
  readonly accelerator: string;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: AgentLog;
}

export interface ServingAgent {
  readonly port: number;
  /** What the guests' names and metadata are asked of. */
  readonly directory: RemoteDirectory;
  stop(): Promise<void>;
}

const contextOf = ({ key, certificate, authority }: AgentIdentity) => ({ key, cert: certificate, ca: authority });

/** A certificate of the authority is not enough: those of other hosts are of the same one. */
function isServer(socket: TLSSocket): boolean {
  return socket.authorized && checkServerIdentity(serverName, socket.getPeerCertificate()) === undefined;
}

/** Serves until it is stopped. @throws the system's error if the port can't be opened */
export async function serveAgent(options: AgentOptions): Promise<ServingAgent> {
  const directory = new RemoteDirectory();
  const sessions = new Set<ServerHttp2Session>();
  const stopping = new AbortController();
  const server = open(options, directory, stopping.signal);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  const port = await listenOn(server, options.identity.listen);
  return {
    port,
    directory,
    async stop() {
      stopping.abort();
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function open(options: AgentOptions, directory: RemoteDirectory, stopping: AbortSignal): Http2SecureServer {
  const { driver, accelerator, dataDir, clock, log } = options;
  const renewal = new Renewal(options, (identity) => server.setSecureContext(contextOf(identity)));
  const instanceId = randomUUID();
  const handler = adapter({ interceptors: [refusals(log)], shutdownSignal: stopping, log }, (router) =>
    addAgentService(router, {
      ...{ driver, accelerator, dataDir, clock, log, directory, instanceId },
      requestCertificate: () => renewal.request(),
      installCertificate: (pem) => renewal.install(pem),
      certificateExpiresAt: () => renewal.expiresAt,
    }),
  );
  const terms = { minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true } as const;
  const server = createSecureServer({ ...contextOf(options.identity), ...terms }, handler);
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    if (!isServer(socket)) socket.destroy();
  });
  server.on("tlsClientError", (err) => log.info({ err }, "a stranger was turned away"));
  return server;
}

async function listenOn(server: Http2SecureServer, listen: string): Promise<number> {
  const { hostname, port } = new URL(`https://${listen}`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(Number(port), hostname.replace(/^\[|\]$/g, ""), resolve);
  await promise;
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the agent listens on no port");
  return address.port;
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
