// Measures what was stored before its kind added to a dimension: by an earlier version, or before an annotation. What quotas add up is complete then.
import type { ResourceKey, Store } from "../../store/store.ts";
import { amountsIn } from "../resources/amounts.ts";
import type { Slice, Slices } from "../resources/slices.ts";

/** Resources that are measured together: on SQLite one commit. */
const atOnce = 100;

export interface MeasureOptions {
  readonly store: Pick<Store, "unmeasured" | "transact">;
  readonly slices: Slices;
}

/** Several servers may do so at once. Answers how many there were. */
export async function measureAll({ store, slices }: MeasureOptions): Promise<number> {
  let count = 0;
  for (const slice of slices.all.filter(({ adds }) => adds.size > 0)) {
    const next = () => store.unmeasured(slice.kind.typeName, [...slice.adds.keys()], atOnce);
    for (let keys = await next(); keys.length > 0; keys = await next()) {
      await Promise.all(keys.map((key) => measure(store, slice, key)));
      count += keys.length;
    }
  }
  return count;
}

/** As it is now: it may have changed, or gone, since it was found. */
function measure(store: MeasureOptions["store"], slice: Slice, key: ResourceKey): Promise<void> {
  return store.transact(async (tx) => {
    const row = await tx.get(key);
    const amounts = row && amountsIn(slice, row);
    if (amounts !== undefined) tx.measure(key, amounts);
  });
}
