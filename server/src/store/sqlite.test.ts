import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "@jest/globals";
import { NewerSchemaError, openSqliteStore, openStore, StoreInUseError } from "./index.ts";
import { alpha, create, keyOf, StillClock, writeOf } from "./testing/fixtures.ts";
import { storeSuite } from "./testing/store-suite.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "photon-store-"));
  folders.push(folder);
  return join(folder, "data", "store.db");
}

async function open(file: string) {
  const clock = new StillClock();
  const store = await openSqliteStore({ file, clock });
  return { store, other: store, clock, close: () => store.close() };
}

storeSuite("a store in a SQLite file", () => open(freshFile()));
storeSuite("a store in memory", () => open(":memory:"));

describe("openSqliteStore()", () => {
  test("finds everything again after close, with files that only their owner reads", async () => {
    const file = freshFile();
    const first = await openSqliteStore({ file });
    await create(first, keyOf("a"));
    await first.close();
    const second = await openStore(`sqlite://${file}`);
    expect(await second.get(keyOf("a"))).toMatchObject({ version: 1 });
    await second.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("refuses a file that another store has open, and opens it once that is closed", async () => {
    const file = freshFile();
    const first = await openSqliteStore({ file });
    await expect(openSqliteStore({ file })).rejects.toThrow(StoreInUseError);
    await expect(openSqliteStore({ file })).rejects.toThrow(/in use by another server/);
    await create(first, keyOf("a"));
    await first.close();
    await (await openSqliteStore({ file })).close();
  });

  test("gives the next process at once what a dead one held leased", async () => {
    const file = freshFile();
    const first = await openSqliteStore({ file });
    await create(first, keyOf("a"));
    await first.transact(async (tx) => tx.schedule(keyOf("a")));
    const lease = (owner: string, store: typeof first) => store.lease({ owner, limit: 10, leaseMs: 60_000 });
    const [held] = await lease("first", first);
    expect(await lease("other", first)).toEqual([]);
    await first.close();
    const second = await openSqliteStore({ file });
    const [task, ...rest] = await lease("second", second);
    expect({ ...task, lease: "" }).toEqual({ ...held, lease: "" });
    expect(rest).toEqual([]);
    await second.close();
  });

  test("refuses a file of a newer schema, and changes nothing in it", async () => {
    const file = freshFile();
    await (await openSqliteStore({ file })).close();
    const database = new DatabaseSync(file);
    database.exec("INSERT INTO schema_migrations (number, applied_at) VALUES (99, 0)");
    database.close();
    await expect(openSqliteStore({ file })).rejects.toThrow(NewerSchemaError);
    await expect(openSqliteStore({ file })).rejects.toThrow(/schema 99/);
  });

  test("commits 1000 concurrent transactions, each caller's in its order", async () => {
    const file = freshFile();
    const store = await openSqliteStore({ file });
    const callers = Array.from({ length: 50 }, async (_, caller) => {
      for (let index = 0; index < 20; index++) await create(store, keyOf(`${caller}-${index}`));
    });
    await Promise.all(callers);
    await store.close();
    const again = await openSqliteStore({ file });
    expect(await again.list({ tenants: [alpha], kind: keyOf("").kind, limit: 2000 })).toHaveLength(1000);
    await again.close();
  });

  test("close() stores what was under way", async () => {
    const file = freshFile();
    const store = await openSqliteStore({ file });
    const writing = store.transact(async (tx) => tx.create(writeOf(keyOf("a"))));
    await Promise.resolve();
    const closing = store.close();
    const outcome = await writing.then(
      () => "stored",
      () => "refused",
    );
    await closing;
    const again = await openSqliteStore({ file });
    expect((await again.get(keyOf("a"))) === undefined ? "refused" : "stored").toBe(outcome);
    await again.close();
  });
});

describe("openStore()", () => {
  for (const url of ["", "mysql://x/y", "sqlite:relative.db", "sqlite://relative.db"]) {
    test(`refuses ${JSON.stringify(url)} and says what it takes`, async () => {
      await expect(openStore(url)).rejects.toThrow(/must be sqlite:\/\/\/absolute\/path/);
    });
  }

  test("does not repeat the password of a URL that it refuses", async () => {
    await expect(openStore("mysql://root:hunter2@host/db")).rejects.not.toThrow(/hunter2/);
  });
});
