// What the engine needs to know of a kind; above all what is freed when its row goes.
import type { Drivers } from "../../backends/drivers.ts";
import type { EngineKind } from "../../engine/kind.ts";
import type { ResourceRow, Tx } from "../../store/store.ts";
import { writeTouched } from "./accept.ts";
import { ResourceAdmission } from "./admission.ts";
import { amountsIn } from "./amounts.ts";
import { loadedOf } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import { cloudItself, type Random, type Work } from "./work.ts";

async function release(slices: Slices, slice: Slice, random: Random, tx: Tx, row: ResourceRow): Promise<void> {
  if (slice.definition.released === undefined) return;
  const work: Work = { tx, slices, caller: cloudItself, random, touched: new Map() };
  await slice.definition.released(new ResourceAdmission(work, row.tenant), loadedOf(slice, slice.kind.desc, row));
  await writeTouched(work);
}

/** A kind as the engine sees it. */
export function engineKindOf(slices: Slices, slice: Slice, random: Random): EngineKind<Drivers> {
  return {
    schema: slice.kind.desc,
    reconciler: slice.definition.reconciler,
    release: (tx, row) => release(slices, slice, random, tx, row),
    amounts: (row) => amountsIn(slice, row),
  };
}
