// One connection to a SQLite file, with its statements prepared once.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Row, type Statement, storable } from "../sql/script.ts";

/** Built queries come in many shapes; beyond this number the prepared ones are dropped and made anew. */
const maxPrepared = 500;

export class Connection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #keptOver: "power cut" | "process" = "power cut";

  /** Opens the file. Waits up to 5 s where another connection of this process holds a lock. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 5_000 });
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -64000");
    // What a statement is undone by needs no file: it goes with the process.
    this.#database.exec("PRAGMA temp_store = MEMORY");
  }

  readonly execute = ({ text, values, counts }: Statement): readonly Row[] => {
    const statement = this.#prepare(text);
    const bound = values.map(storable);
    return counts ? [{ changed: Number(statement.run(...bound).changes) }] : statement.all(...bound);
  };

  /** True while a transaction is open: SQLite itself ends it on the worst errors. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** How what is committed from here on is kept: over a power cut, or over this process's end alone. */
  keepOver(what: "power cut" | "process"): void {
    if (this.#keptOver === what) return;
    this.#database.exec(`PRAGMA synchronous = ${what === "process" ? "NORMAL" : "FULL"}`);
    this.#keptOver = what;
  }

  exec(text: string): void {
    this.#prepare(text).run();
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known) return known;
    if (this.#prepared.size >= maxPrepared) this.#prepared.clear();
    const made = this.#database.prepare(text.replace(/\$(\d+)/g, "?$1"));
    this.#prepared.set(text, made);
    return made;
  }
}
