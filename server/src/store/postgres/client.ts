// How statements reach PostgreSQL: a pool of connections, 64-bit integers as numbers, recurring statements prepared.
import { createHash } from "node:crypto";
import pg from "pg";
import { type Row, type Statement, storable } from "../sql/script.ts";

export interface PoolOptions {
  readonly url: string;
  readonly connections: number;
  /** Whether a statement may be sent before the last one is answered. Default false. */
  readonly pipeline?: boolean;
}

/** A statement that takes longer hangs; a transaction that idles would hold back the whole log. */
const statementTimeoutMs = 30_000;
const idleInTransactionTimeoutMs = 10_000;

export function clientConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: "photoncloud",
    connectionTimeoutMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: parserOf },
  };
}

export function openPool({ url, connections, pipeline = false }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(url), max: connections, pipeline });
  // A connection that breaks fails the statement that it runs, which is where it is dealt with; the pool drops it. The same news as an
  // event would end the process if nobody listened.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** Runs a statement on a connection, or on the pool. */
export async function execute(
  on: pg.ClientBase | pg.Pool,
  { text, values, recurs, counts }: Statement,
): Promise<readonly Row[]> {
  const bound = values.map(storable);
  const result = await on.query<Record<string, unknown>>(
    recurs ? { name: nameOf(text), text, values: bound } : { text, values: bound },
  );
  return counts ? [{ changed: result.rowCount ?? 0 }] : result.rows;
}

const names = new Map<string, string>();

/** Prepared statements are known by name; the same text has the same name in every connection. */
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = createHash("sha256").update(text).digest("base64url").slice(0, 22);
  names.set(text, name);
  return name;
}

const parserOf: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 ? safeInteger : pg.types.getTypeParser(oid, format);

function safeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${text} is beyond what a number can hold exactly`);
}

/** What a connection says that has died: PostgreSQL ends its sessions when it is restarted. */
const dead = new Set(["57P01", "57P02", "ECONNRESET", "EPIPE"]);

/** Whether a statement failed because its connection is gone, as those of a pool may be that nobody has used for a while. */
export function isLost(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, message } = {
    code: "",
    message: "",
    ...error,
    ...(error instanceof Error && { message: error.message }),
  };
  return dead.has(String(code)) || /^(Connection terminated|Client has encountered a connection error)/.test(message);
}

/** The SQLSTATE of a database error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
