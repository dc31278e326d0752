// Kysely without a connection: it writes the SQL of queries whose shape depends on what is asked, in either dialect.
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Dialect } from "./dialect.ts";
import type { Row, Script, Value } from "./script.ts";

interface KeyColumns {
  readonly kind: string;
  readonly org: string;
  readonly project: string;
  readonly id: string;
}

/** The columns that built queries use. */
export interface Tables {
  readonly resources: KeyColumns & {
    readonly name: string;
    readonly phase: string;
    readonly version: number;
    readonly data: Uint8Array;
    readonly observed: Uint8Array;
    readonly secret: Uint8Array;
    readonly created_at: number;
    readonly updated_at: number;
  };
  readonly events: KeyColumns & {
    readonly xid: string;
    readonly seq: number;
    readonly type: string;
    readonly version: number;
    readonly time: number;
    readonly actor: string;
    readonly source_ip: string;
    readonly request_id: string;
    readonly method: string;
    readonly permission: string;
    readonly session_id: string;
    readonly credential: string;
    readonly decided_by: string;
    readonly times: number;
    readonly resource: Uint8Array;
  };
}

export type Builder = Kysely<Tables>;

const onSqlite: Builder = new Kysely({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

const onPostgres: Builder = new Kysely({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export function builder(dialect: Dialect): Builder {
  return dialect.name === "sqlite" ? onSqlite : onPostgres;
}

/** Runs a built query inside a script. */
export function* built(query: { compile(): CompiledQuery }): Script<readonly Row[]> {
  const { sql, parameters } = query.compile();
  return yield { text: sql, values: parameters.map(value), recurs: false, counts: false };
}

function value(parameter: unknown): Value {
  if (typeof parameter === "string" || typeof parameter === "number" || parameter === null) return parameter;
  if (parameter instanceof Uint8Array) return parameter;
  throw new TypeError(`a query can't carry a ${typeof parameter}`);
}
