// All of a kind's resources in an org, a part at a time: for what the cloud does once in its own name.
import type { ResourceRow, Store, Tenant } from "../../store/store.ts";

const atOnce = 200;

export async function* everyRow(store: Pick<Store, "list">, kind: string, org: string): AsyncGenerator<ResourceRow> {
  const tenants: readonly Tenant[] = [{ org, project: "" }];
  for (let after: ResourceRow | undefined; ; ) {
    const rows: readonly ResourceRow[] = await store.list({ tenants, kind, limit: atOnce, ...(after && { after }) });
    yield* rows;
    after = rows.at(-1);
    if (rows.length < atOnce) return;
  }
}
