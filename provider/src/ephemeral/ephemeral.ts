// One type of ephemeral resource: what exists while Terraform runs, and is in no state and no plan.
import type { Attribute } from "../attribute.ts";
import type { ValueMap } from "../cty/value.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { JsonObject } from "../json-object.ts";

/** What Terraform holds, in memory alone, until it closes one. */
export type Kept = JsonObject;

export interface Opened {
  readonly result: ValueMap;
  readonly kept: Kept;
  /** Left out: it needs no renewal. */
  readonly renewAt?: Date;
}

export interface Renewed {
  readonly kept: Kept;
  readonly renewAt?: Date;
  readonly diagnostics: readonly Diagnostic[];
}

export interface EphemeralSchema {
  readonly typeName: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface Ephemeral {
  readonly schema: EphemeralSchema;
  /** @throws Problem */
  open(config: ValueMap, signal: AbortSignal): Promise<Opened>;
  /** @throws Problem */
  renew(kept: Kept, signal: AbortSignal): Promise<Renewed>;
  /** Answers what could not be ended. */
  close(kept: Kept, signal: AbortSignal): Promise<readonly Diagnostic[]>;
}
