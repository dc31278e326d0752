// A connection to one OVSDB database (RFC 7047) with a live copy of the tables that were asked for. Interfaces alone; client.ts makes one.

/** A value in a column: what the schema calls an atom. UUIDs are strings of 36 characters. */
export type Atom = string | number | boolean;

/** A column's value: one, none or one (undefined), a set, or a map, as the schema says. Sets and maps are never changed in place. */
export type Value = Atom | undefined | ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>;

/** A row's columns, without its UUID. Columns that the server does not have, or that were not asked for, are missing. */
export type Row = Readonly<Record<string, Value>>;

/** One operation of a transaction. Values are written as in `Row`; the client writes them as the schema's types ask for. */
export type Operation =
  | { readonly op: "insert"; readonly table: string; readonly uuid: string; readonly row: Row }
  | { readonly op: "update"; readonly table: string; readonly uuid: string; readonly row: Row }
  | { readonly op: "delete"; readonly table: string; readonly uuid: string }
  /** Adds to and takes from a set or a map; a map's key that is there already gets the new value. */
  | {
      readonly op: "mutate";
      readonly table: string;
      readonly uuid: string;
      readonly column: string;
      readonly insert?: ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>;
      readonly remove?: ReadonlySet<Atom>;
    }
  /** Adds to a number, in the only row of a table where no UUID is given; its result is the new number. */
  | { readonly op: "increment"; readonly table: string; readonly column: string }
  /** Refuses the whole transaction unless the row's column has the value (compare and swap). */
  | { readonly op: "expect"; readonly table: string; readonly uuid: string; readonly row: Row };

/** A change of a row in the copy. */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  /** Undefined: it is new. */
  readonly before: Row | undefined;
  /** Undefined: it is gone. */
  readonly after: Row | undefined;
  /** The members that came into a set or left it, by column, where the server told only these: looking for them in a set of thousands takes long. */
  readonly moved?: Readonly<Record<string, ReadonlySet<Atom>>>;
  /** It came from a transaction of this client. */
  readonly own: boolean;
}

/** Why a transaction did not happen. */
export type OvsdbReason =
  /** The server refused it: a constraint, a referential integrity violation, a failed `expect`. */
  | "refused"
  /** The connection broke: it may have happened or not. The same operations may be sent again: inserts with the same UUIDs count as done. */
  | "disconnected"
  /** It was aborted, or the client is closed. */
  | "closed";

export class OvsdbError extends Error {
  override readonly name = "OvsdbError";
  readonly reason: OvsdbReason;
  constructor(reason: OvsdbReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface TlsFiles {
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string;
  /** A name that the server's certificate must carry. Default: every certificate of the CA is taken, as OVN's own programs do. */
  readonly serverName?: string;
}

/** What to keep a copy of. `where`: only rows whose map column includes the pairs. */
export interface MonitoredTable {
  readonly columns: readonly string[];
  readonly where?: { readonly column: string; readonly includes: Readonly<Record<string, string>> };
}

export interface DatabaseOptions {
  /** As OVN writes them: "unix:/run/ovn/ovnnb_db.sock", "tcp:10.0.0.1:6641", "ssl:10.0.0.1:6641", several with commas: the members of a cluster. */
  readonly remote: string;
  /** "OVN_Northbound", "OVN_Southbound", "Open_vSwitch". */
  readonly database: string;
  /** Columns that the server's schema does not have are left out by themselves. */
  readonly monitor: Readonly<Record<string, MonitoredTable>>;
  readonly tls?: TlsFiles;
  /** Of a cluster, take writes to the leader alone. Default true. */
  readonly leaderOnly?: boolean;
  /** Told of every loss and return of the connection. */
  readonly log?: (message: string, error?: unknown) => void;
}

/** The copy and the way to change the database. */
export interface Database {
  /** The server's schema version: "7.0.0". */
  readonly version: string;
  readonly connected: boolean;
  /** Whether the server's schema has a column. */
  has(table: string, column: string): boolean;
  row(table: string, uuid: string): Row | undefined;
  rows(table: string): ReadonlyMap<string, Row>;
  /**
   * Sends one transaction; several may be under way. Its changes are in the copy before it resolves. Answers the results of the increments,
   * in order. Waits for the connection where it is lost before anything was sent.
   *
   * @throws OvsdbError
   */
  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly number[]>;
  /** Calls back after each change of the copy. Answers how to stop. */
  onChange(listener: (changes: readonly RowChange[]) => void): () => void;
  /** Calls back when the connection is there again, after the copy is up to date; `whole`: it was read anew, as after a restart of the server. Answers how to stop. */
  onReconnect(listener: (event: { readonly whole: boolean }) => void): () => void;
  /** Resolves when the copy fulfils a condition; looks after each change. */
  until<T>(condition: (database: Database) => T | undefined, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}
