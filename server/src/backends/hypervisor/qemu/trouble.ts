// A guest that writes when the host's disk is full is stopped by QEMU (werror=enospc) and told nothing; it goes on where it was when there is
// room again.
import { statfsSync } from "node:fs";
import type { Qmp, QmpEvent } from "./qmp.ts";

/** With less room than this, in bytes, a guest that goes on would stop again at once. */
const enough = 16 * 1024 ** 2;

export class Trouble {
  readonly #monitor: Qmp;
  readonly #folder: string;
  readonly #changed: () => void;
  #isFull = false;

  constructor(monitor: Qmp, folder: string, changed: () => void) {
    this.#monitor = monitor;
    this.#folder = folder;
    this.#changed = changed;
  }

  /** Undefined: the guest gets on. */
  get sentence(): string | undefined {
    return this.#isFull ? "it waits: the host's disk is full; it goes on when there is room" : undefined;
  }

  hear({ event, data }: QmpEvent): void {
    if (event === "BLOCK_IO_ERROR" && data.action === "stop" && data.nospace === true) this.#become(true);
    if (event === "RESUME") this.#become(false);
  }

  /** Lets the guest go on if there is room. */
  async mend(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.#folder);
    if (this.#isFull && bavail * bsize >= enough) await this.#monitor.execute("cont").catch(() => {});
  }

  #become(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#changed();
  }
}
