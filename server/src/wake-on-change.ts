// Backends notice things by themselves: a guest that ends, a port that comes up. The resource is then looked at at once.
import type { Drivers } from "./backends/drivers.ts";
import type { EngineLog } from "./engine/hooks.ts";
import { kindOfObject } from "./services/network/kinds.ts";
import type { ResourceKey, Store } from "./store/store.ts";

/** "acme-corp/alpha" → its tenant. */
function tenantOf(owner: string): ResourceKey["tenant"] {
  const [org = "", project = ""] = owner.split("/");
  return { org, project };
}

/** Answers how to stop. */
export function wakeOnChange(drivers: Drivers, store: Store, log: EngineLog): () => void {
  const look = (kind: string, id: string, owner: string) => {
    // It is not read: a machine often changes while what was done with it is being stored, and whoever had read it would have to try again.
    const wake = store.transact(async (tx) => tx.schedule({ tenant: tenantOf(owner), kind, id }));
    wake.catch((err: unknown) => log.warn({ err, kind, id }, "a backend's change could not be followed up"));
  };
  const ends = [
    drivers.hypervisor.onChange(({ vmId, owner }) => look("plasmavmc.v1.Vm", vmId, owner)),
    drivers.network.onChange(({ type, id, owner }) => look(kindOfObject(type), id, owner)),
  ];
  return () => {
    for (const end of ends) end();
  };
}
