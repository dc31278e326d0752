// A driver under trial: what its tests make is taken away at the end.
import { expect } from "@jest/globals";
import { DriverError, type DriverReason } from "../../driver-error.ts";
import type { Hop, NetworkDriver, NetworkObject, NetworkObjectId, Packet } from "../driver.ts";
import { keyOf } from "../topology.ts";

const removalOrder: readonly NetworkObject["type"][] = [
  ...(["elastic-ip", "route", "flow-log", "peering", "gateway", "port", "filter", "addresses"] as const),
  ...(["dhcp", "service-port", "router-port", "switch", "router", "external-network"] as const),
];

export class Trial {
  readonly signal = new AbortController().signal;
  readonly #open: () => Promise<NetworkDriver>;
  readonly #made = new Map<string, NetworkObject>();
  #driver: NetworkDriver | undefined;

  constructor(open: () => Promise<NetworkDriver>) {
    this.#open = open;
  }

  get driver(): NetworkDriver {
    if (this.#driver === undefined) throw new Error("the driver is not open");
    return this.#driver;
  }

  async open(): Promise<void> {
    this.#driver = await this.#open();
  }

  async removeEverything(): Promise<void> {
    const rank = ({ type }: NetworkObject) => removalOrder.indexOf(type);
    for (const object of [...this.#made.values()].sort((a, b) => rank(a) - rank(b)))
      await this.driver.remove(object, this.signal);
  }

  /** In order; resolves when the hosts have all of it. */
  async ensureAll(objects: readonly NetworkObject[]): Promise<void> {
    for (const object of objects) {
      await this.driver.ensure(object, this.signal);
      this.#made.set(keyOf(object), object);
    }
    for (const object of objects) if (object.type === "router") await this.driver.programmed(object.id, this.signal);
  }

  /** The last first. */
  async removeAll(objects: readonly NetworkObject[]): Promise<void> {
    for (const object of objects.toReversed()) {
      await this.driver.remove(object, this.signal);
      this.#made.delete(keyOf(object));
    }
  }

  /** What the backend holds of a sample, in order. */
  async held(tag: string): Promise<NetworkObjectId[]> {
    return (await this.driver.inventory(this.signal)).filter(({ id }) => id.includes(`-${tag}`)).sort(byKey);
  }

  idsOf(objects: readonly NetworkObject[]): NetworkObjectId[] {
    return objects.map(({ type, id }) => ({ type, id })).sort(byKey);
  }

  /** All that the tests have made and not taken away. */
  everything(): readonly NetworkObject[] {
    return [...this.#made.values()];
  }

  async reached(packet: Packet): Promise<boolean> {
    return (await this.driver.reaches(packet, this.signal)).reached;
  }

  /** Whether it arrives, and which objects of a type it passes. */
  async passed(
    packet: Packet,
    type: Hop["type"],
  ): Promise<{ readonly reached: boolean; readonly by: readonly string[] }> {
    const { reached, hops } = await this.driver.reaches(packet, this.signal);
    return { reached, by: [...new Set(hops.filter((hop) => hop.type === type).map(({ id }) => id))] };
  }

  async refused(work: Promise<unknown>, reason: DriverReason): Promise<void> {
    const error = await work.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(DriverError);
    expect(error).toMatchObject({ reason });
  }
}

function byKey(a: NetworkObjectId, b: NetworkObjectId): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
