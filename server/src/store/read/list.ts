// Lists resources of one kind by keyset: a page begins after a position, so that it costs the same wherever it is.
import { integer, resourceRow, text } from "../sql/row.ts";
import { query as ask, type Script } from "../sql/script.ts";
import type { IdsQuery, ListQuery, ResourceRow, Tenant } from "../store.ts";

const columns = "kind, org, project, id, name, phase, version, data, observed, secret, created_at, updated_at";

export function* readList(query: ListQuery): Script<readonly ResourceRow[]> {
  if (query.limit <= 0 || query.tenants.length === 0 || query.ids?.length === 0) return [];
  const rows = yield* select(query);
  return rows.map(resourceRow);
}

/** The key's own index has all of it. */
export function* readIds({ tenant, kind, skip, limit }: IdsQuery): Script<{ ids: readonly string[]; total: number }> {
  const place = [kind, tenant.org, tenant.project] as const;
  const where = "FROM resources WHERE kind = $1 AND org = $2 AND project = $3";
  const [counted] = yield* ask(`SELECT count(*) AS total ${where}`, ...place);
  const total = counted === undefined ? 0 : integer(counted, "total");
  if (limit <= 0 || skip >= total) return { ids: [], total };
  const rows = yield* ask(`SELECT id ${where} ORDER BY id LIMIT $4 OFFSET $5`, ...place, limit, skip);
  return { ids: rows.map((row) => text(row, "id")), total };
}

/** Written as text: building it would take longer than running it. */
function select({ kind, tenants, after, name, ids, limit }: ListQuery) {
  const values: (string | number)[] = [];
  const at = (value: string | number) => `$${values.push(value)}`;
  const among = (many: readonly string[]) => many.map(at).join(", ");
  const pair = ({ org, project }: Tenant) => `(${at(org)}, ${at(project)})`;
  const [only] = tenants;
  const conditions = [
    `kind = ${at(kind)}`,
    tenants.length === 1 && only !== undefined
      ? `org = ${at(only.org)} AND project = ${at(only.project)}`
      : `(org, project) IN (VALUES ${tenants.map(pair).join(", ")})`,
    ...(after ? [`(id, org, project) > (${among([after.id, after.tenant.org, after.tenant.project])})`] : []),
    ...(name === undefined ? [] : [`name = ${at(name)}`]),
    ...(ids ? [`id IN (${among(ids)})`] : []),
  ];
  const where = conditions.join(" AND ");
  return ask(`SELECT ${columns} FROM resources WHERE ${where} ORDER BY id, org, project LIMIT ${at(limit)}`, ...values);
}
