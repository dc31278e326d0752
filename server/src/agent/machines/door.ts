// A port of this machine's that other machines of the cloud come in by: TLS 1.3, with certificates of the cloud's own authority on both sides.
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { AgentIdentity } from "./identity.ts";

/** What a machine shows, and whom it believes. */
export type Shown = Pick<AgentIdentity, "key" | "certificate" | "authority">;

export interface DoorOptions {
  readonly identity: Shown;
  /** What a caller may ask for (ALPN). */
  readonly protocols: readonly string[];
  /** Told of each caller with a certificate of the authority. */
  enter(socket: TLSSocket): void;
  /** Told of everybody else. */
  turnedAway(error: Error): void;
}

const contextOf = ({ key, certificate, authority }: Shown) => ({ key, cert: certificate, ca: authority });

export class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor({ identity, protocols, enter, turnedAway }: DoorOptions) {
    const terms = { minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true } as const;
    this.#server = createServer({ ...contextOf(identity), ...terms, ALPNProtocols: [...protocols] });
    this.#server.on("secureConnection", enter).on("tlsClientError", turnedAway);
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** What is shown from now on. */
  show(identity: Shown): void {
    this.#server.setSecureContext(contextOf(identity));
  }

  /** Answers the port. @throws the system's error if it can't be opened */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(port, host, resolve);
    await promise;
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("there is no port to come in by");
    return address.port;
  }

  /** Breaks what is open, too. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
