// One process owns a SQLite store. The lock is a lock of SQLite's on a file beside it, which the kernel drops when the process dies.
import { DatabaseSync } from "node:sqlite";
import { isNativeError } from "node:util/types";

/** Another process, or this one already, has the store open. */
export class StoreInUseError extends Error {
  override readonly name = "StoreInUseError";
  constructor(file: string, cause: unknown) {
    super(
      `the store ${file} is in use by another server: stop that one first, or give this one a store of its own (several servers share a store on PostgreSQL)`,
      { cause },
    );
  }
}

/** Takes the lock for as long as the process lives. Answers how to give it back. @throws StoreInUseError */
export function lockStore(file: string): () => void {
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (isNativeError(error) && error.message.includes("locked")) throw new StoreInUseError(file, error);
    throw error;
  }
  return () => lock.close();
}
