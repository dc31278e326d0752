// Where the SQL of the two databases differs: the names of types, and the locks that only PostgreSQL needs.
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Ordered byte by byte on both, so that pages come in the same order everywhere. */
  readonly text: string;
  readonly integer: string;
  readonly bytes: string;
  /** Both have the operator ->> for it. */
  readonly json: string;
  /** Follows a SELECT whose rows must not change before the transaction ends. Empty where there is one writer. */
  readonly forShare: string;
  readonly forUpdate: string;
  readonly skipLocked: string;
}

export const sqlite: Dialect = {
  name: "sqlite",
  text: "text",
  integer: "integer",
  bytes: "blob",
  json: "text",
  forShare: "",
  forUpdate: "",
  skipLocked: "",
};

export const postgres: Dialect = {
  name: "postgres",
  text: 'text collate "C"',
  integer: "bigint",
  bytes: "bytea",
  json: "jsonb",
  forShare: " FOR SHARE",
  forUpdate: " FOR UPDATE",
  skipLocked: " FOR UPDATE SKIP LOCKED",
};
