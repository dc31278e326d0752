// A script: database work as a generator that asks for one statement at a time. One script runs on both databases, synchronously on
// SQLite and asynchronously on PostgreSQL.
export type Value = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, unknown>>;

/** Text with `$1`, `$2`, ... and the values for them. */
export interface Statement {
  readonly text: string;
  readonly values: readonly Value[];
  /** True where the same text comes again and again, so that it pays to prepare it. */
  readonly recurs: boolean;
  /** True where what matters is how many rows were changed: answered as one row with the column `changed`. */
  readonly counts: boolean;
}

export type Script<T> = Generator<Statement, T, readonly Row[]>;

/** PostgreSQL has no text with NUL in it, and SQLite cuts it there: both get U+FFFD instead, as UTF-8 has it for all that it can't write. */
export function storable(value: Value): Value {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
}

/** Runs one statement inside a script and answers its rows. */
export function* query(text: string, ...values: readonly Value[]): Script<readonly Row[]> {
  return yield { text, values, recurs: true, counts: false };
}

/** Runs a statement that changes rows, and answers how many. */
export function* command(text: string, ...values: readonly Value[]): Script<number> {
  const [row] = yield { text, values, recurs: true, counts: true };
  if (typeof row?.changed === "number") return row.changed;
  throw new TypeError("the database did not say how many rows it changed");
}

/** Runs a script to its end on a database that answers at once. */
export function runSync<T>(script: Script<T>, execute: (statement: Statement) => readonly Row[]): T {
  let step = script.next();
  while (!step.done) step = script.next(execute(step.value));
  return step.value;
}

/** Runs a script to its end on a database that answers later. */
export async function runAsync<T>(
  script: Script<T>,
  execute: (statement: Statement) => Promise<readonly Row[]>,
): Promise<T> {
  let step = script.next();
  while (!step.done) step = script.next(await execute(step.value));
  return step.value;
}
