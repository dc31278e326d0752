// What hosts owe: images that were removed while they were away. Kept in the store's records, and made good when a host comes back; and before an
// image of the same id is brought to it.
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import type { Clock } from "../../../clock.ts";
import type { Records } from "../../../store/store.ts";

const space = "hosts/image-removals";
/** What is still used (by a machine that is itself to be removed) is tried again after this, in milliseconds. */
const againMs = 15_000;
const nothing = new Uint8Array();

const keyOf = (hostId: string, imageId: string): string => `${hostId}/${imageId}`;

export interface OwedRemovalsOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: (message: string, error: unknown) => void;
}

export class OwedRemovals {
  readonly #options: OwedRemovalsOptions;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: OwedRemovalsOptions) {
    this.#options = options;
  }

  async owe(hostId: string, imageId: string): Promise<void> {
    await this.#options.records.put(space, keyOf(hostId, imageId), nothing, {});
  }

  async isOwed(hostId: string, imageId: string): Promise<boolean> {
    return (await this.#options.records.get(space, keyOf(hostId, imageId))) !== undefined;
  }

  async forget(hostId: string, imageId: string): Promise<void> {
    await this.#options.records.delete(space, keyOf(hostId, imageId));
  }

  /** A host can be reached (again). Does not wait. */
  settle(hostId: string, driver: HypervisorDriver): void {
    const running = this.#settle(hostId, driver).catch((error: unknown) =>
      this.#options.log(`images that were removed are still on host ${hostId}`, error),
    );
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  /** Until all is removed, or the host is away again. */
  async #settle(hostId: string, driver: HypervisorDriver): Promise<void> {
    const { records, clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const owed = await records.list(space, `${hostId}/`);
      const ids = owed.map(({ key }) => key.slice(hostId.length + 1));
      const answers = await Promise.all(ids.map((imageId) => this.#remove(hostId, imageId, driver, signal)));
      if (answers.includes("away") || !answers.includes("in use")) return;
      await clock.sleep(againMs, signal);
    }
  }

  async #remove(hostId: string, imageId: string, driver: HypervisorDriver, signal: AbortSignal) {
    try {
      await driver.removeImage(imageId, signal);
      await this.forget(hostId, imageId);
      return "removed";
    } catch (error) {
      if (signal.aborted) return "away";
      if (!(error instanceof DriverError)) throw error;
      return error.reason === "in_use" ? "in use" : "away";
    }
  }
}
