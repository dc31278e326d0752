// Carries moves from agent to agent: TLS 1.3 on the agents' own port, told from the servers' calls by the protocol that is asked for (ALPN). Both ends
// show certificates of the cloud's authority. A destination lets in the host alone that the server named; a source believes the one that offered.
import type { Duplex } from "node:stream";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import { DriverError } from "../../backends/driver-error.ts";
import type { MoveOffer } from "../../backends/hypervisor/driver.ts";
import { greet, MoveGate } from "../../backends/hypervisor/move-gate.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "../../backends/hypervisor/move-transport.ts";
import { hostName } from "../../backends/hypervisor/remote/names.ts";
import type { Shown } from "./door.ts";

/** What a stream of a move asks for in the place of HTTP/2. */
export const moveProtocol = "photon-move";

/** How long the other host may take to answer, in milliseconds. */
const patienceMs = 20_000;

export class MoveStreams implements MoveTransport {
  readonly #gate = new MoveGate();
  #identity: Shown;

  constructor(identity: Shown) {
    this.#identity = identity;
  }

  /** What is shown from now on. */
  show(identity: Shown): void {
    this.#identity = identity;
  }

  /** The address is the agent's own, which the server knows. */
  async listen(move: ExpectedMove): Promise<MoveDoor> {
    const unexpect = this.#gate.expect(move);
    return { address: "", close: async () => unexpect() };
  }

  /** Takes a stream that asked for our protocol. */
  take(socket: TLSSocket): void {
    const isFrom = (hostId: string | undefined) =>
      hostId !== undefined &&
      socket.authorized &&
      checkServerIdentity(hostName(hostId), socket.getPeerCertificate()) === undefined;
    void this.#gate.admit(socket, isFrom);
  }

  async dial(vmId: string, offer: MoveOffer, channel: string, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    const { secret } = offer;
    const socket = await this.#connect(vmId, offer, signal);
    const stop = () => socket.destroy();
    signal.addEventListener("abort", stop, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", stop));
    await greet(socket, { vmId, channel, secret });
    return socket;
  }

  close(): void {
    this.#gate.close();
  }

  async #connect(vmId: string, { address, hostId }: MoveOffer, signal: AbortSignal): Promise<TLSSocket> {
    if (hostId === undefined) throw new DriverError("refused", `the offer for vm ${vmId} does not say whose it is`);
    const { hostname, port } = new URL(`https://${address}`);
    const { key, certificate: cert, authority: ca } = this.#identity;
    const terms = { minVersion: "TLSv1.3", ALPNProtocols: [moveProtocol], servername: hostName(hostId) } as const;
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), key, cert, ca, ...terms });
    socket.setNoDelay(true);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve).once("error", reject);
    socket.on("error", () => socket.destroy());
    const late = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    late.addEventListener("abort", () => reject(late.reason), { once: true });
    await promise.catch((cause: unknown) => {
      socket.destroy();
      if (signal.aborted) throw signal.reason;
      throw new DriverError("unavailable", `host ${hostId} can't be reached from here${codeOf(cause)}`, { cause });
    });
    return socket;
  }
}

/** " (ECONNREFUSED)": words of the system's name addresses, and the machine's owner reads this. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? ` (${code})` : "";
}
