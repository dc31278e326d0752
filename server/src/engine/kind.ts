// What the engine knows of a kind: how its messages look, how it is made true, and what its removal frees.
import type { DescMessage } from "@bufbuild/protobuf";
import type { Amounts, ResourceRow, Tx } from "../store/store.ts";
import type { Reconciler } from "./reconciler.ts";

/** A kind as the engine sees it; composed from the kind's slice, which the engine does not know. */
export interface EngineKind<Drivers> {
  readonly schema: DescMessage;
  /** Without one a resource is ready when it is stored, and gone as soon as it is a tombstone. */
  readonly reconciler?: Reconciler<DescMessage, Drivers> | undefined;
  /** Runs in the transaction that removes the row, before it is removed: frees what the resource held in other resources. May run more than once. */
  release?(tx: Tx, row: ResourceRow): Promise<void>;
  /** What a resource takes of what is limited, as far as that is known by now. Undefined: nothing. */
  amounts?(row: ResourceRow): Amounts | undefined;
}

/** How long a resource may take before the operator is told, where its reconciler does not say. */
export const defaultDeadlineMs = 10 * 60_000;

/** How often everything of a kind is looked at again, where its reconciler does not say. */
export const defaultResyncMs = 60 * 60_000;
