// The moves of a driver, whatever its machines are: which machine has a sender, which has a receiver.
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { MachineMoves, MachineSpec, MachineState, MoveOffer, MoveState } from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import { type Berth, Receiver } from "./receiver.ts";
import { type Cargo, Sender } from "./sender.ts";

/** What a driver knows of its machines. */
export interface MovingHost {
  readonly transport: MoveTransport;
  readonly clock: Clock;
  /** This host's id; undefined: there is one alone. */
  readonly hostId?: string | undefined;
  has(vmId: string): boolean;
  /** @throws DriverError "missing" if there is no such machine, "refused" or "unavailable" where it can't be moved (now). */
  cargoOf(vmId: string, offer: MoveOffer): Promise<Cargo>;
  /** @throws DriverError "missing" without its image, "refused" where it can't run here. */
  berthFor(spec: MachineSpec): Promise<{ readonly berth: Berth; readonly channels: readonly string[] }>;
  /** Takes away what is left of a machine that has moved away. */
  clear(vmId: string, signal: AbortSignal): Promise<void>;
  /** A machine has come and was settled: nothing more needs to be known of its move. */
  settled(vmId: string): void;
  /** A receiver waits: what of it must be known to another process of the driver, once the machine has come. */
  waits?(spec: MachineSpec, secret: string): void;
}

export class Moves implements MachineMoves {
  readonly #host: MovingHost;
  readonly #senders = new Map<string, Sender>();
  readonly #receivers = new Map<string, Receiver>();

  constructor(host: MovingHost) {
    this.#host = host;
  }

  async offer(spec: MachineSpec, signal: AbortSignal): Promise<MoveOffer> {
    signal.throwIfAborted();
    const { vmId } = spec;
    const waiting = this.#receivers.get(vmId);
    if (waiting !== undefined) return waiting.offer();
    if (this.#senders.get(vmId)?.state.phase === "done") await this.#cleared(vmId, signal);
    if (this.#host.has(vmId)) throw new DriverError("refused", `vm ${vmId} is on this host already`);
    const { berth, channels } = await this.#host.berthFor(spec);
    const fromHostId = spec.hostId;
    const { transport, hostId } = this.#host;
    const receiver = new Receiver({ vmId, hostId, fromHostId, channels, transport, berth });
    this.#receivers.set(vmId, receiver);
    this.#host.waits?.(spec, receiver.secret);
    return receiver.offer();
  }

  async send(vmId: string, offer: MoveOffer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const before = this.#senders.get(vmId);
    if (before !== undefined && before.state.phase !== "failed") return;
    const cargo = await this.#host.cargoOf(vmId, offer);
    // Somebody else may have asked the same meanwhile.
    if (this.#senders.get(vmId) !== before) return;
    const { transport, clock } = this.#host;
    const sender = new Sender({ vmId, offer, transport, cargo, clock });
    this.#senders.set(vmId, sender);
    sender.begin();
  }

  async state(vmId: string): Promise<MoveState | undefined> {
    return this.#senders.get(vmId)?.state;
  }

  async settle(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const receiver = this.#receivers.get(vmId);
    if (receiver === undefined && this.#host.has(vmId)) return;
    if (receiver?.hasCome !== true) throw new DriverError("missing", `vm ${vmId} has not come to this host`);
    this.#host.settled(vmId);
    this.#receivers.delete(vmId);
    await receiver.close();
  }

  async cancel(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const receiver = this.#receivers.get(vmId);
    if (receiver !== undefined && !(await receiver.cancel())) this.#receivers.delete(vmId);
    const sender = this.#senders.get(vmId);
    if (sender !== undefined && (await sender.cancel())) this.#senders.delete(vmId);
  }

  /** A machine is removed: nothing of a move of it is left. */
  async forget(vmId: string): Promise<void> {
    const receiver = this.#receivers.get(vmId);
    await receiver?.cancel();
    await receiver?.close();
    this.#receivers.delete(vmId);
    await this.#senders.get(vmId)?.detach();
    this.#senders.delete(vmId);
  }

  /** Lets go of all of them; another process of the driver goes on with what can't be begun anew. */
  async detach(): Promise<void> {
    await Promise.all([...this.#senders.values()].map((sender) => sender.detach()));
    await Promise.all(
      [...this.#receivers.values()].map((receiver) => (receiver.hasCome ? receiver.close() : receiver.cancel())),
    );
    this.#senders.clear();
    this.#receivers.clear();
  }

  /** Takes up what another process of the driver had handed over, or that has left. */
  adoptSender(vmId: string, sender: Sender): void {
    this.#senders.set(vmId, sender);
  }

  /** Waits again for the sender of a machine that has come. */
  async adoptReceiver(vmId: string, receiver: Receiver): Promise<void> {
    this.#receivers.set(vmId, receiver);
    await receiver.offer();
  }

  /** @throws DriverError "unavailable" while a machine is moved, "refused" once it has moved away. */
  checkStays(vmId: string): void {
    const sender = this.#senders.get(vmId);
    if (sender?.isUnderWay === true)
      throw new DriverError(
        "unavailable",
        `vm ${vmId} is being moved to another host; it can be changed when it is there`,
      );
    if (sender?.state.phase === "done") throw new DriverError("refused", `vm ${vmId} has moved to another host`);
  }

  /**
   * A machine ends, or is about to: a move of it is given up.
   *
   * @throws DriverError "unavailable" while it is handed over, and may be the other host's.
   */
  end(vmId: string, reason: string): void {
    const sender = this.#senders.get(vmId);
    if (sender?.isHandedOver === true)
      throw new DriverError(
        "unavailable",
        `vm ${vmId} is being handed over to another host; ask again when it is there`,
      );
    sender?.giveUp(reason);
  }

  async #cleared(vmId: string, signal: AbortSignal): Promise<void> {
    await this.#host.clear(vmId, signal);
    this.#senders.delete(vmId);
  }
}

/** @throws DriverError "refused" if a machine has failed, "unavailable" while it starts or stops: neither is what the other host could go on with. */
export function checkSteady(vmId: string, now: MachineState): void {
  if (now.state === "failed")
    throw new DriverError("refused", `vm ${vmId} has failed (${now.reason}): start it, or stop it, and move it then`);
  if (now.state === "starting" || now.state === "stopping")
    throw new DriverError("unavailable", `vm ${vmId} is ${now.state}; it can be moved after that`);
}
