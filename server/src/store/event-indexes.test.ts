// The log is read by its indexes, whatever it is asked for: what the databases plan is looked at.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { migrate } from "./migrations/migrate.ts";
import { execute, openPool } from "./postgres/client.ts";
import { postgresLog } from "./postgres/log.ts";
import { inTransaction } from "./postgres/transaction.ts";
import { readEvents } from "./read/log.ts";
import { postgres, sqlite } from "./sql/dialect.ts";
import { runAsync, runSync, type Statement } from "./sql/script.ts";
import { Connection } from "./sqlite/connection.ts";
import { sqliteLog } from "./sqlite/log.ts";
import type { EventQuery } from "./store.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "./testing/postgres.ts";

type Asked = Omit<EventQuery, "limit">;

const org = { org: "org-1", project: "" };
const refused = ["denied", "login_failed"] as const;
const day = 86_400_000;
/** Any of these reads no more than it must. */
const cases: readonly [string, Asked, readonly string[]][] = [
  ["an org", { tenant: org }, ["events_by_org"]],
  ["a project", { tenant: { org: "org-1", project: "web" } }, ["events_by_tenant"]],
  ["an actor", { actor: "user:org-1/ada" }, ["events_by_actor"]],
  ["an org's actor", { tenant: org, actor: "user:org-1/ada" }, ["events_by_actor"]],
  ["a resource", { id: "thing-7" }, ["events_by_resource"]],
  ["refusals", { types: refused }, ["events_refused"]],
  ["an org's refusals", { tenant: org, types: refused }, ["events_refused_by_org"]],
  ["a time", { since: 40 * day, until: 41 * day }, ["events_by_time"]],
  ["an org's time", { tenant: org, since: 40 * day, until: 41 * day }, ["events_by_time"]],
];

/** Twenty thousand events of a hundred orgs in a hundred days; one in a hundred is a refusal. `n` is their number. */
const fill = (numbers: string, bytes: string) => `
  INSERT INTO events (kind, org, project, id, type, version, time, actor, source_ip, request_id, method, permission, resource)
  SELECT 'test.v1.Thing', 'org-' || (n % 100), CASE WHEN n % 3 = 0 THEN 'web' ELSE '' END, 'thing-' || n,
    CASE WHEN n % 101 = 0 THEN 'denied' ELSE 'updated' END, 1, CAST(n AS bigint) * ${(100 * day) / 20_000},
    'user:org-' || (n % 100) || CASE WHEN n % 7 = 0 THEN '/ada' ELSE '/bob' END, '', '', '', '', ${bytes} FROM ${numbers}`;

const reads = ({ text }: Statement) => /from "?events"?/i.test(text) && !/max\(/.test(text);

describe("on SQLite", () => {
  const connection = new Connection(":memory:");
  beforeAll(() => {
    runSync(migrate(sqlite, 0), connection.execute);
    const numbers =
      "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) SELECT n FROM numbers)";
    connection.exec(fill(numbers, "x''"));
  });
  afterAll(() => connection.close());

  test.each(cases)("%s is found by its index", (_, asked, indexes) => {
    const plans: string[] = [];
    runSync(readEvents(sqliteLog, "", { ...asked, limit: 100 }), (statement) => {
      const explained = { ...statement, text: `EXPLAIN QUERY PLAN ${statement.text}` };
      if (reads(statement)) plans.push(...connection.execute(explained).map(({ detail }) => String(detail)));
      return connection.execute(statement);
    });
    for (const index of indexes) expect(plans.join("\n")).toMatch(new RegExp(`INDEX ${index}\\b`));
    expect(plans.filter((plan) => /TEMP B-TREE|^SCAN events$/.test(plan))).toEqual([]);
  });
});

const missing = postgresMissing();
if (missing !== undefined) test.skip(`on PostgreSQL (${missing})`, () => undefined);
else
  describe("on PostgreSQL", () => {
    let server: TestPostgres;
    let pool: pg.Pool;
    beforeAll(async () => {
      server = await startPostgres();
      pool = openPool({ url: server.url, connections: 2 });
      await inTransaction(pool, () => migrate(postgres, 0));
      await pool.query(fill("generate_series(1, 20000) AS numbers (n)", "''::bytea"));
      await pool.query("ANALYZE events");
    }, 90_000);
    afterAll(async () => {
      await pool.end();
      await server.stop();
    }, 30_000);

    test.each(cases)("%s is found by its index", async (_, asked, indexes) => {
      const plans: string[] = [];
      await runAsync(readEvents(postgresLog, "", { ...asked, limit: 100 }), async (statement) => {
        const explained = { ...statement, text: `EXPLAIN ${statement.text}`, recurs: false };
        if (reads(statement)) plans.push(...(await execute(pool, explained)).map((row) => String(row["QUERY PLAN"])));
        return execute(pool, statement);
      });
      for (const index of indexes) expect(plans.join("\n")).toMatch(new RegExp(`\\b${index}\\b`));
      expect(plans.filter((plan) => plan.includes("Seq Scan"))).toEqual([]);
    });
  });
