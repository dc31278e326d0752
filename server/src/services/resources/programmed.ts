// Follows a mutation to the hosts: which VPCs it concerns, and whether their live hosts work by it.
import type { Message } from "@bufbuild/protobuf";
import type { Drivers } from "../../backends/drivers.ts";
import type { Clock } from "../../clock.ts";
import type { ResourceKey, Store } from "../../store/store.ts";
import { vpcsConcerned } from "../network/concerned.ts";
import { shown } from "./read.ts";
import type { Slice, Slices } from "./slices.ts";

export interface ProgrammedOptions {
  readonly store: Store;
  readonly slices: Slices;
  readonly network: Drivers["network"];
  readonly clock: Clock;
}

export class Programmed {
  readonly #options: ProgrammedOptions;

  constructor(options: ProgrammedOptions) {
    this.#options = options;
  }

  /** The VPCs that a resource concerns as it is stored now; none where it is not there. Undefined: that can't be told. */
  async vpcsAt(slice: Slice, key: ResourceKey): Promise<ReadonlySet<string> | undefined> {
    if (slice.definition.network === undefined) return new Set();
    const row = key.id === "" ? undefined : await this.#options.store.get(key);
    return row === undefined ? new Set() : this.vpcsOf(key, shown(slice, row));
  }

  /** The VPCs that a resource concerns. Undefined: that can't be told. */
  vpcsOf(key: ResourceKey, resource: Message): Promise<ReadonlySet<string> | undefined> {
    const { store, slices } = this.#options;
    return vpcsConcerned({ store, partOf: (kind) => slices.find(kind)?.definition.network }, key, resource);
  }

  /** Waits until the live hosts of all these VPCs work by what is stored. Answers whether they do. */
  async reached(vpcs: ReadonlySet<string>, until: number, signal: AbortSignal): Promise<boolean> {
    const { network, clock } = this.#options;
    const over = new AbortController();
    const ends = AbortSignal.any([signal, over.signal]);
    const late = clock.sleep(Math.max(0, until - clock.now()), ends).then(() => false);
    const done = Promise.all([...vpcs].map((vpc) => network.programmed(vpc, ends))).then(() => true);
    try {
      return await Promise.race([done, late]);
    } catch {
      // The backend does not answer: the mutation stands, and its receipt says how far it is known to have come.
      return false;
    } finally {
      over.abort();
      done.catch(() => {});
    }
  }
}
