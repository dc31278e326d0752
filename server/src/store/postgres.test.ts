import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { NewerSchemaError, NotDurableError, openPostgresStore, openStore } from "./index.ts";
import { create, keyOf, refusal, StillClock } from "./testing/fixtures.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "./testing/postgres.ts";
import { storeSuite } from "./testing/store-suite.ts";

const missing = postgresMissing();
if (missing === undefined) onPostgres();
else test.skip(`a store in PostgreSQL (${missing})`, () => undefined);

function onPostgres(): void {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  }, 150_000);
  afterAll(() => server.stop(), 30_000);

  storeSuite("a store in PostgreSQL, by two processes' stores", async () => {
    const url = await server.createDatabase();
    const clock = new StillClock();
    const [store, other] = [await openPostgresStore({ url, clock }), await openPostgresStore({ url, clock })];
    const close = async () => void (await Promise.all([store.close(), other.close()]));
    return { store, other, clock, close };
  });

  test("a first limit waits for what is being added, so that whoever comes after it counts that, too", async () => {
    const url = await server.createDatabase();
    const [store, other] = [await openPostgresStore({ url }), await openPostgresStore({ url })];
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query(
      "BEGIN; INSERT INTO claims (space, key, kind, org, project, id) VALUES ('s', 'k', 'test.v1.Thing', 'acme', 'alpha', 'x')",
    );
    // The first one stands still after it has looked for limits and found none.
    const first = create(store, keyOf("a"), { claims: [{ space: "s", key: "k" }] });
    await untilWaiting(url, 1);
    const limits = { "test.v1.Thing": 1 };
    const limited = create(other, keyOf("quota", { org: "acme", project: "" }, "test.v1.Limit"), { limits });
    const second = refusal(limited.then(() => create(other, keyOf("b"))));
    await Promise.race([second, untilWaiting(url, 2)]);
    await holder.query("ROLLBACK");
    await holder.end();
    await first;
    expect(await second).toMatchObject({ reason: "over_limit", use: { most: 1, used: 1 } });
    await Promise.all([store.close(), other.close()]);
  });

  describe("openPostgresStore()", () => {
    test("may be called by several servers at once on an empty database", async () => {
      const url = await server.createDatabase();
      const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(url)));
      await create(stores[0] ?? never(), keyOf("a"));
      expect(await stores[3]?.get(keyOf("a"))).toMatchObject({ version: 1 });
      await Promise.all(stores.map((store) => store.close()));
    });

    test("refuses a database of a newer schema", async () => {
      const url = await server.createDatabase();
      await (await openPostgresStore({ url })).close();
      await run(url, "INSERT INTO schema_migrations (number, applied_at) VALUES (99, 0)");
      await expect(openPostgresStore({ url })).rejects.toThrow(NewerSchemaError);
    });

    test("refuses a database that may lose what it acknowledged", async () => {
      const url = await server.createDatabase();
      await run(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
      await expect(openPostgresStore({ url })).rejects.toThrow(NotDurableError);
    });

    test("goes on after PostgreSQL has ended its sessions", async () => {
      const url = await server.createDatabase();
      const store = await openPostgresStore({ url });
      // Many at once, so that many connections are there to die.
      const keys = Array.from({ length: 20 }, (_, index) => keyOf(`a${index}`));
      await Promise.all(keys.map((key) => create(store, key)));
      // Each is waited for: a session that is told to end may still answer for a moment.
      await run(
        url,
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
      await Promise.all(keys.map(async (key) => expect(await store.get(key)).toMatchObject({ version: 1 })));
      await create(store, keyOf("b"));
      await store.close();
    });
  });
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** @throws Error where not so many sessions wait for others within a minute */
async function untilWaiting(url: string, many: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const end = Date.now() + 60_000; ; await sleep(20)) {
      const { rowCount } = await client.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if ((rowCount ?? 0) >= many) return;
      if (Date.now() > end) throw new Error(`${rowCount} sessions wait, not ${many}`);
    }
  } finally {
    await client.end();
  }
}

function never(): never {
  throw new Error("there is one");
}
