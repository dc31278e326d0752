// Lists resources of one kind by keyset: a page begins after a position, so that it costs the same wherever it is.
import { sql } from "kysely";
import { builder, built } from "../sql/builder.ts";
import type { Dialect } from "../sql/dialect.ts";
import { integer, resourceRow, text } from "../sql/row.ts";
import { query as ask, type Script } from "../sql/script.ts";
import type { IdsQuery, ListQuery, ResourceRow, Tenant } from "../store.ts";

const columns = [
  "kind",
  "org",
  "project",
  "id",
  "name",
  "phase",
  "version",
  "data",
  "observed",
  "secret",
  "created_at",
  "updated_at",
] as const;

export function* readList(query: ListQuery, dialect: Dialect): Script<readonly ResourceRow[]> {
  if (query.limit <= 0 || query.tenants.length === 0 || query.ids?.length === 0) return [];
  const rows = yield* built(select(query, dialect));
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

function select(query: ListQuery, dialect: Dialect) {
  const { after, name, ids } = query;
  let select = builder(dialect)
    .selectFrom("resources")
    .select(columns)
    .where("kind", "=", query.kind)
    .orderBy("id")
    .orderBy("org")
    .orderBy("project")
    .limit(query.limit);
  const [only] = query.tenants;
  if (query.tenants.length === 1 && only)
    select = select.where("org", "=", only.org).where("project", "=", only.project);
  else select = select.where(inTenants(query.tenants));
  if (after)
    select = select.where(
      sql<boolean>`(id, org, project) > (${after.id}, ${after.tenant.org}, ${after.tenant.project})`,
    );
  if (name !== undefined) select = select.where("name", "=", name);
  if (ids) select = select.where("id", "in", ids);
  return select;
}

function inTenants(tenants: readonly Tenant[]) {
  const pairs = tenants.map(({ org, project }) => sql`(${org}, ${project})`);
  return sql<boolean>`(org, project) IN (VALUES ${sql.join(pairs)})`;
}
