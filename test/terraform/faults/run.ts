// Terraform's part of a run for one resource: read what is there, plan, apply, and write down what came of it.
import { isDeepStrictEqual } from "node:util";
import type { Attribute } from "../../../provider/src/attribute.ts";
import { json, sentences, shown } from "../played.ts";
import type { Mortal } from "./mortal.ts";

type Json = Readonly<Record<string, unknown>>;

/** One resource as a state file holds it. */
export interface Held {
  readonly state: { readonly msgpack: Buffer; readonly json: Buffer };
  readonly private: Buffer;
}

const noBytes = Buffer.alloc(0);
const whole = (value: { msgpack: Uint8Array } | undefined) => ({
  msgpack: Buffer.from(value?.msgpack ?? noBytes),
  json: noBytes,
});

/** What is declared, of which kind. */
export interface Declared {
  readonly typeName: string;
  readonly attributes: readonly Attribute[];
  /** Null: nothing is; what is there is destroyed. */
  readonly config: Json | null;
}

/** A state file with one resource, or none. */
export class StateFile {
  held: Held | undefined;

  /** Terraform's own death: what this run has learnt is not written. */
  deaf = false;

  write(held: Held | undefined): void {
    if (!this.deaf) this.held = held;
  }
}

type Diagnostics = ReadonlyArray<Parameters<typeof sentences>[0][number] & { readonly severity: number }>;

/** @throws Error with the errors; warnings pass. */
const must = (diagnostics: Diagnostics): void => {
  const errors = sentences(diagnostics.filter(({ severity }) => severity === 1));
  if (errors.length > 0) throw new Error(errors.join("\n"));
};

async function refresh({ terraform, died }: Mortal, declared: Declared, held: Held): Promise<Held | undefined> {
  const { typeName, attributes } = declared;
  const reading = terraform.call("readResource", { typeName, currentState: held.state, private: held.private });
  const { newState, private: kept, diagnostics } = await Promise.race([reading, died]);
  must(diagnostics);
  return shown(attributes, newState) === null ? undefined : { state: whole(newState), private: kept };
}

/** One run of `terraform apply`; false where there was nothing to do. @throws Error for each error that it shows, Killed for a death */
export async function run(mortal: Mortal, declared: Declared, file: StateFile): Promise<boolean> {
  const { typeName, attributes } = declared;
  const config = declared.config === null ? whole(undefined) : json(declared.config);
  const prior = file.held === undefined ? undefined : await refresh(mortal, declared, file.held);
  file.write(prior);
  if (prior === undefined && declared.config === null) return false;
  const states = { priorState: prior?.state, priorPrivate: prior?.private ?? noBytes };
  const planning = mortal.terraform.call("planResourceChange", {
    typeName,
    config,
    proposedNewState: config,
    ...states,
  });
  const planned = await Promise.race([planning, mortal.died]);
  must(planned.diagnostics);
  if (prior !== undefined && isDeepStrictEqual(shown(attributes, planned.plannedState), shown(attributes, prior.state)))
    return false;
  const { plannedState, plannedPrivate } = planned;
  const change = { typeName, config, priorState: prior?.state, plannedState, plannedPrivate };
  const applied = await Promise.race([mortal.terraform.call("applyResourceChange", change), mortal.died]);
  const gone = shown(attributes, applied.newState) === null;
  file.write(gone ? undefined : { state: whole(applied.newState), private: applied.private });
  must(applied.diagnostics);
  return true;
}
