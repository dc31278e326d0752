// Short reads for the directory: live resources as messages, always of one tenant.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { messageOf } from "../../engine/message.ts";
import type { ResourceKey, ResourceRow, Store, Tenant } from "../../store/store.ts";

/** A resource that is there and not on its way out. */
export interface Live<Desc extends DescMessage> {
  readonly key: ResourceKey;
  readonly id: string;
  readonly createdAt: number;
  readonly message: MessageShape<Desc>;
}

/** More than a VPC has subnets and peerings, or a port elastic IPs. */
const manyReferrers = 10_000;

function liveOf<Desc extends DescMessage>(schema: Desc, row: ResourceRow): Live<Desc> | undefined {
  if (row.phase !== "live") return undefined;
  const { tenant, kind, id, createdAt } = row;
  return { key: { tenant, kind, id }, id, createdAt, message: messageOf(schema, row) };
}

export async function live<Desc extends DescMessage>(store: Store, schema: Desc, tenant: Tenant, id: string) {
  const row = await store.get({ tenant, kind: schema.typeName, id });
  return row && liveOf(schema, row);
}

/** In the order of the ids. */
export async function liveOnes<Desc extends DescMessage>(
  store: Store,
  schema: Desc,
  tenant: Tenant,
  ids: readonly string[],
): Promise<readonly Live<Desc>[]> {
  if (ids.length === 0) return [];
  const rows = await store.list({ tenants: [tenant], kind: schema.typeName, ids, limit: ids.length });
  const found = new Map(rows.map((row) => [row.id, liveOf(schema, row)]));
  return ids.map((id) => found.get(id)).filter((one) => one !== undefined);
}

export async function liveByName<Desc extends DescMessage>(store: Store, schema: Desc, tenant: Tenant, name: string) {
  const rows = await store.list({ tenants: [tenant], kind: schema.typeName, name, limit: 1 });
  return rows[0] && liveOf(schema, rows[0]);
}

/** Those of one kind and of the target's own tenant that refer to it. */
export async function liveReferrers<Desc extends DescMessage>(store: Store, schema: Desc, target: ResourceKey) {
  const keys = await store.referrers(target, manyReferrers);
  const { org, project } = target.tenant;
  const own = keys.filter(
    ({ kind, tenant }) => kind === schema.typeName && tenant.org === org && tenant.project === project,
  );
  return liveOnes(
    store,
    schema,
    target.tenant,
    own.map(({ id }) => id),
  );
}
