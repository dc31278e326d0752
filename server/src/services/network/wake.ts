// Has the engine look at a resource at once, without changing anything.
import type { ResourceKey, Store } from "../../store/store.ts";

/** Answers whether it is there. */
export function wake(store: Pick<Store, "transact">, key: ResourceKey): Promise<boolean> {
  return store.transact(async (tx) => {
    const there = (await tx.get(key)) !== undefined;
    if (there) tx.schedule(key);
    return there;
  });
}
