// The databases that a server runs on: what must hold on each is a group of tests for each.
import { afterAll, beforeAll, describe, test } from "@jest/globals";
import { postgresMissing, startPostgres, type TestPostgres } from "../server/src/store/testing/postgres.ts";

/** An empty database of its own, as `startTestCloud` takes it: SQLite needs no address. */
export type Database = () => { readonly databaseUrl?: string };

/** Runs the same tests on SQLite and on PostgreSQL. */
export function onEachDatabase(define: (database: Database) => void): void {
  describe("on SQLite", () => define(() => ({})));
  const missing = postgresMissing();
  if (missing !== undefined) test.skip(`on PostgreSQL (${missing})`, () => undefined);
  else describe("on PostgreSQL", () => onPostgres(define));
}

function onPostgres(define: (database: Database) => void): void {
  let postgres: TestPostgres | undefined;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());
  define(() => (postgres === undefined ? {} : { databaseUrl: postgres.url }));
}
