// Backends notice things by themselves: a guest that ends, a port that comes up. The resource is then looked at at once.
import type { Drivers } from "./backends/drivers.ts";
import type { NetworkChange } from "./backends/network/driver.ts";
import type { EngineLog } from "./engine/hooks.ts";
import type { ResourceKey, Store } from "./store/store.ts";

/** Whose object it is. */
const kindOfObject: Readonly<Record<NetworkChange["type"], string>> = {
  router: "prismnet.v1.Vpc",
  gateway: "prismnet.v1.Vpc",
  switch: "prismnet.v1.Subnet",
  "router-port": "prismnet.v1.Subnet",
  dhcp: "prismnet.v1.Subnet",
  "service-port": "prismnet.v1.Subnet",
  port: "prismnet.v1.Port",
  filter: "prismnet.v1.SecurityGroup",
  addresses: "prismnet.v1.AddressGroup",
  "external-network": "prismnet.v1.ExternalNetwork",
  "elastic-ip": "prismnet.v1.ElasticIp",
  route: "prismnet.v1.Route",
  peering: "prismnet.v1.Peering",
  "flow-log": "prismnet.v1.FlowLog",
};

/** "acme-corp/alpha" → its tenant. */
function tenantOf(owner: string): ResourceKey["tenant"] {
  const [org = "", project = ""] = owner.split("/");
  return { org, project };
}

/** Answers how to stop. */
export function wakeOnChange(drivers: Drivers, store: Store, log: EngineLog): () => void {
  const wake = (kind: string, id: string, owner: string) => {
    const key = { tenant: tenantOf(owner), kind, id };
    const look = store.transact(async (tx) => {
      if ((await tx.get(key)) !== undefined) tx.schedule(key);
    });
    look.catch((err: unknown) => log.warn({ err, kind, id }, "a backend's change could not be followed up"));
  };
  const ends = [
    drivers.hypervisor.onChange(({ vmId, owner }) => wake("plasmavmc.v1.Vm", vmId, owner)),
    drivers.network.onChange(({ type, id, owner }) => wake(kindOfObject[type], id, owner)),
  ];
  return () => {
    for (const end of ends) end();
  };
}
