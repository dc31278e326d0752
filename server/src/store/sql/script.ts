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
}

export type Script<T> = Generator<Statement, T, readonly Row[]>;

/** Runs one statement inside a script and answers its rows. */
export function* query(text: string, ...values: readonly Value[]): Script<readonly Row[]> {
  return yield { text, values, recurs: true };
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
