// What the store needs of a database: scripts that read, named scripts that write, and a hint after commits.
import type { EventPage } from "./read/log.ts";
import type { StampedRow } from "./read/rows.ts";
import type { Dialect } from "./sql/dialect.ts";
import type { Script } from "./sql/script.ts";
import type { EventQuery, ResourceKey } from "./store.ts";
import type { Refusal } from "./write/plan.ts";
import type { Answer, Input, ScriptName } from "./write/scripts.ts";

/** How a write ended: stored durably, or refused and undone. */
export type Written<T> =
  | { readonly done: true; readonly answer: T }
  | { readonly done: false; readonly refusal: Refusal };

export interface Database {
  readonly dialect: Dialect;
  /** Runs a script that only reads. Each of its statements sees everything that was acknowledged before it. */
  read<T>(script: Script<T>): Promise<T>;
  /** As `read(readResource(key))`; where one process alone writes, rows are remembered. */
  readRow(key: ResourceKey): Promise<StampedRow | undefined>;
  /** Runs a named script in one transaction; resolves when it is durable or refused. */
  write<Name extends ScriptName>(name: Name, input: Input<Name>): Promise<Written<Answer<Name>>>;
  readEvents(after: string, query: EventQuery): Script<EventPage>;
  /** The cursor of the log's end. */
  readHead(): Script<string>;
  onCommit(listener: () => void): () => void;
  close(): Promise<void>;
}
