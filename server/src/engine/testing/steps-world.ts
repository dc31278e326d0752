// One resource and a reconciler, without a store: what the five laws are tried on.
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import type { Tenant } from "../../store/store.ts";
import { messageOf, Observations } from "../message.ts";
import type { Reconciler, StepContext } from "../reconciler.ts";
import { readyStatus } from "../status.ts";
import { runSteps, type StepsEnd } from "../steps.ts";

/** A resource that the steps may ask for by `related`. */
export interface RelatedResource {
  readonly schema: DescMessage;
  readonly id: string;
  readonly message: Message;
}

/** How often a step may say "not yet" before the law counts it as never. */
const patience = 1_000;

/** How many failures in a row two workers may cause each other. */
const failuresInARow = 5;

export interface WorldOptions<Desc extends DescMessage, Drivers> {
  readonly reconciler: Reconciler<Desc, Drivers>;
  readonly id: string;
  readonly tenant: Tenant;
  readonly resource: MessageShape<Desc>;
  readonly related: readonly RelatedResource[];
  readonly wait: (ms: number) => Promise<void>;
}

/** The resource as it is stored between runs: what one worker observed, the next one sees. */
export class StepsWorld<Desc extends DescMessage, Drivers> {
  readonly #options: WorldOptions<Desc, Drivers>;
  readonly #data: Uint8Array;
  #observed: Uint8Array = new Uint8Array();

  constructor(options: WorldOptions<Desc, Drivers>) {
    this.#options = options;
    this.#data = toBinary(options.reconciler.schema, options.resource);
  }

  /** One pass, as one worker makes it. What it observed is kept, unless the worker died. */
  async pass(way: "ensure" | "remove", drivers: Drivers, upTo?: string): Promise<StepsEnd> {
    const { reconciler } = this.#options;
    const observations = new Observations(reconciler.schema);
    const last = reconciler.steps.findIndex((step) => step.name === upTo);
    const steps = upTo === undefined ? reconciler.steps : reconciler.steps.slice(0, last + 1);
    const ended = await runSteps(steps, way, this.#context(drivers, observations));
    if (ended.end !== "failed")
      this.#observed = observations.bytes(this.#observed, readyStatus(1, reconciler.backend(drivers)));
    return ended;
  }

  /** As `finish`, but tries again after failures, as the engine does: two workers may well be in each other's way for a moment. */
  async persist(way: "ensure" | "remove", drivers: Drivers): Promise<void> {
    for (let left = failuresInARow; ; left--) {
      try {
        return await this.finish(way, drivers);
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  }

  /** Passes until the steps have finished, waiting where they say "not yet". @throws what a step throws. */
  async finish(way: "ensure" | "remove", drivers: Drivers, upTo?: string): Promise<void> {
    for (let pass = 0; pass < patience; pass++) {
      const ended = await this.pass(way, drivers, upTo);
      if (ended.end === "finished") return;
      if (ended.end === "failed") throw ended.error;
      if (ended.end === "not_yet") await this.#options.wait(ended.notYet.againMs);
    }
    throw new Error(`after ${patience} passes the steps still say that they are not done`);
  }

  #context(drivers: Drivers, observations: Observations<Desc>): StepContext<Desc, Drivers> {
    const { reconciler, tenant, id, related } = this.#options;
    return {
      key: { tenant, kind: reconciler.schema.typeName, id },
      id,
      resource: messageOf(reconciler.schema, { data: this.#data, observed: this.#observed }),
      version: 1,
      now: Date.now(),
      drivers,
      async related(schema, otherId) {
        const found = related.find((one) => one.schema.typeName === schema.typeName && one.id === otherId);
        if (found === undefined) return undefined;
        return messageOf(schema, { data: toBinary(found.schema, found.message), observed: new Uint8Array() });
      },
      async exists(_, schema, otherId) {
        return related.some((one) => one.schema.typeName === schema.typeName && one.id === otherId);
      },
      observe: (outputs) => observations.observe(outputs),
      signal: new AbortController().signal,
    };
  }
}
