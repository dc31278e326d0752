// The authorization matrix, as the server answers it on both databases: matrix.golden.txt is read like code, and PHOTON_UPDATE_GOLDEN=1 writes it.
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { startTestCloud } from "@photoncloud/server/testing";
import { golden } from "../../cli/src/testing/golden.ts";
import { postgresMissing, startPostgres } from "../../server/src/store/testing/postgres.ts";
import { matrix } from "./matrix.ts";

const file = join(import.meta.dirname, "matrix.golden.txt");
/** Some thousand calls, each a refusal that is written down. */
const timeoutMs = 300_000;

async function asked(databaseUrl?: string): Promise<string> {
  const database = databaseUrl === undefined ? {} : { databaseUrl };
  const cloud = await startTestCloud({ ...database, argv: ["--calls-per-second", "0"] });
  try {
    return await matrix(cloud.url, await cloud.adminToken());
  } finally {
    await cloud.stop();
  }
}

describe("who may call which method", () => {
  test(
    "on SQLite",
    async () => {
      const text = await asked();
      expect(text).toBe(golden(file, text));
    },
    timeoutMs,
  );

  const missing = postgresMissing();
  if (missing !== undefined) test.skip(`on PostgreSQL (${missing})`, () => undefined);
  else
    test(
      "on PostgreSQL",
      async () => {
        const database = await startPostgres();
        try {
          const text = await asked(database.url);
          expect(text).toBe(golden(file, text));
        } finally {
          await database.stop();
        }
      },
      timeoutMs,
    );
});
