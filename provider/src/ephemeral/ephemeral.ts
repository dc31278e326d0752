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
  /** "iam" */
  readonly component: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface Ephemeral {
  readonly schema: EphemeralSchema;
  validate(config: ValueMap): readonly Diagnostic[];
  /** @throws Problem */
  open(config: ValueMap, signal: AbortSignal): Promise<Opened>;
  /** @throws Problem */
  renew(kept: Kept, signal: AbortSignal): Promise<Renewed>;
  /** Answers what could not be ended. */
  close(kept: Kept, signal: AbortSignal): Promise<readonly Diagnostic[]>;
}

/** What of the answer to a login is for people at a terminal. */
const forPeople: ReadonlySet<string> = new Set(["must_enroll"]);

/** Whether a program sees it: what renews an answer stays with Terraform, out of its sight. */
export const isForPrograms = ({ name }: Attribute): boolean => !name.startsWith("refresh_") && !forPeople.has(name);

/** What there is to say once something has ended while Terraform still runs. */
export const ended = (what: string): Diagnostic => ({
  severity: "warning",
  summary: `The ${what} has ended`,
  detail:
    "Terraform can't hand on a new one in the same run: what still uses it may be refused. Let it log in by itself, or apply in smaller steps.",
});
