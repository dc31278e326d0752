// A network backend in memory. It refuses what a real one refuses, and answers by its own model who reaches whom. It moves no packets.
// What it holds is gone with its process; the engine ensures everything again at the start (`volatile`).
import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type {
  Audit,
  NetworkChange,
  NetworkDriver,
  NetworkObject,
  NetworkObjectId,
  Packet,
  PortStatus,
  Reach,
} from "../driver.ts";
import { keyOf, standsOn } from "../topology.ts";
import { reach } from "./reach.ts";

export interface SimulatedNetworkOptions {
  readonly clock?: Clock;
  /** How long each change takes, in milliseconds. Default 0. */
  readonly changeMs?: number;
}

/** Makes a simulated network. */
export function simulatedNetwork(options: SimulatedNetworkOptions = {}): SimulatedNetwork {
  return new SimulatedNetwork(options);
}

export class SimulatedNetwork implements NetworkDriver {
  readonly name = "simulated";
  readonly volatile = true;
  readonly #clock: Clock;
  readonly #changeMs: number;
  readonly #objects = new Map<string, NetworkObject>();
  readonly #users = new Map<string, Set<string>>();
  readonly #plugged = new Set<string>();
  readonly #listeners = new Listeners<NetworkChange>();

  constructor(options: SimulatedNetworkOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#changeMs = options.changeMs ?? 0;
  }

  async ensure(object: NetworkObject, signal: AbortSignal): Promise<void> {
    await this.#takeTime(signal);
    const missing = standsOn(object).find((other) => !this.#objects.has(keyOf(other)));
    if (missing !== undefined)
      throw new DriverError(
        "missing",
        `${object.type} ${object.id} needs ${missing.type} ${missing.id}, which is not there`,
      );
    this.#forget(keyOf(object));
    this.#objects.set(keyOf(object), structuredClone(object));
    for (const base of standsOn(object)) this.#usersOf(keyOf(base)).add(keyOf(object));
  }

  async remove(object: NetworkObjectId, signal: AbortSignal): Promise<void> {
    await this.#takeTime(signal);
    const key = keyOf(object);
    const [user] = this.#usersOf(key);
    if (user !== undefined) throw new DriverError("in_use", `${key} is still used by ${user}`);
    this.#forget(key);
  }

  async programmed(_vpcId: string, signal: AbortSignal): Promise<void> {
    await this.#takeTime(signal);
  }

  async portStatus(portId: string): Promise<PortStatus | undefined> {
    if (!this.#objects.has(keyOf({ type: "port", id: portId }))) return undefined;
    return { up: this.#plugged.has(portId) };
  }

  async reaches(packet: Packet): Promise<Reach> {
    return reach(this.#objects, packet);
  }

  async inventory(): Promise<readonly NetworkObjectId[]> {
    return [...this.#objects.values()].map(idOf);
  }

  async audit(objects: Iterable<NetworkObject>): Promise<Audit> {
    const wanted = new Map([...objects].map((object) => [keyOf(object), object]));
    const drifted = [...wanted.values()]
      .filter((object) => !isDeepStrictEqual(structuredClone(object), this.#objects.get(keyOf(object))))
      .map((object) => ({ ...idOf(object), detail: this.#objects.has(keyOf(object)) ? "changed" : "missing" }));
    const strays = [...this.#objects.values()].filter((object) => !wanted.has(keyOf(object))).map(idOf);
    return { drifted, strays, foreign: [] };
  }

  onChange(listener: (change: NetworkChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#objects.clear();
    this.#users.clear();
  }

  /** What a hypervisor does when a machine starts or stops: plugs a device into a port, or pulls it. A port that comes later finds it there. */
  plug(portId: string, up: boolean): void {
    if (this.#plugged.has(portId) === up) return;
    if (up) this.#plugged.add(portId);
    else this.#plugged.delete(portId);
    const port = this.#objects.get(keyOf({ type: "port", id: portId }));
    if (port?.type === "port") this.#listeners.tell({ type: "port", id: portId, owner: port.owner, what: "status" });
  }

  /** What another hand on the backend does: takes an object away, whatever stands on it. */
  lose({ type, id }: NetworkObjectId): void {
    const object = this.#objects.get(keyOf({ type, id }));
    if (object === undefined) return;
    this.#objects.delete(keyOf(object));
    this.#listeners.tell({ type, id, owner: object.owner, what: "drift" });
  }

  /** All that it holds, by key in order, for tests. */
  snapshot(): Readonly<Record<string, NetworkObject>> {
    return structuredClone(Object.fromEntries([...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  /** The keys of what stands on an object. */
  #usersOf(key: string): Set<string> {
    const users = this.#users.get(key) ?? new Set();
    this.#users.set(key, users);
    return users;
  }

  #forget(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    for (const base of standsOn(object)) this.#usersOf(keyOf(base)).delete(key);
    if (this.#usersOf(key).size === 0) this.#users.delete(key);
    this.#objects.delete(key);
  }

  async #takeTime(signal: AbortSignal): Promise<void> {
    if (this.#changeMs > 0) await this.#clock.sleep(this.#changeMs, signal);
    signal.throwIfAborted();
  }
}

function idOf({ type, id }: NetworkObject): NetworkObjectId {
  return { type, id };
}
