// Runs one script in one transaction.
import type pg from "pg";
import type { Written } from "../database.ts";
import { runAsync, type Script } from "../sql/script.ts";
import { Refused } from "../write/plan.ts";
import { execute, isLost, sqlState } from "./client.ts";

/** Serialization failure, and deadlock: PostgreSQL undid the transaction and asks to try again. */
const passing = new Set(["40001", "40P01"]);
const maxTries = 8;

/**
 * Runs a script until it commits or is refused. `script` makes a fresh one for each try.
 *
 * READ COMMITTED is enough: each statement sees what was committed before it, and scripts lock what they rely on.
 */
export async function inTransaction<T>(pool: pg.Pool, script: () => Script<T>): Promise<Written<T>> {
  for (let tries = 1; ; tries++) {
    try {
      return { done: true, answer: await runOnce(pool, script()) };
    } catch (error) {
      if (error instanceof Refused) return { done: false, refusal: error.refusal };
      if (!passing.has(sqlState(error) ?? "") || tries >= maxTries) throw error;
    }
  }
}

/** Begins on a connection that lives: one that is dead has done nothing yet, so the next is taken. */
async function begin(pool: pg.Pool): Promise<pg.PoolClient> {
  for (let left = pool.options.max; ; left--) {
    const client = await pool.connect();
    try {
      await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
      return client;
    } catch (error) {
      client.release(true);
      if (!isLost(error) || left <= 0) throw error;
    }
  }
}

async function runOnce<T>(pool: pg.Pool, script: Script<T>): Promise<T> {
  const client = await begin(pool);
  let broken = false;
  try {
    const answer = await runAsync(script, (statement) => execute(client, statement));
    await client.query("COMMIT");
    return answer;
  } catch (error) {
    // A connection that can't even roll back is thrown away, and PostgreSQL rolls back for it.
    await client.query("ROLLBACK").catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
