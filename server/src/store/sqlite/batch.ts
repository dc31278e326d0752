// Group commit: all waiting requests in one transaction, a savepoint each, one sync of the disk for all.
import { sqlite } from "../sql/dialect.ts";
import { runSync, type Script } from "../sql/script.ts";
import { type Refusal, Refused } from "../write/plan.ts";
import { type ScriptName, scripts } from "../write/scripts.ts";
import type { Connection } from "./connection.ts";

export interface Request {
  readonly id: number;
  readonly name: ScriptName;
  readonly input: unknown;
}

export type Reply = { readonly id: number } & (
  | { readonly outcome: "done"; readonly answer: unknown }
  | { readonly outcome: "refused"; readonly refusal: Refusal }
  | { readonly outcome: "failed"; readonly message: string }
);

/** A power cut ends whoever holds a lease on this machine's file as well: that it is free again then is right. */
const leases: ReadonlySet<ScriptName> = new Set(["leaseTasks", "renewTasks"]);

/** Runs the requests in order. Answers only when what they wrote is on the disk, but for leases. */
export function commitBatch(connection: Connection, requests: readonly Request[]): readonly Reply[] {
  try {
    connection.keepOver(requests.every(({ name }) => leases.has(name)) ? "process" : "power cut");
    connection.exec("BEGIN IMMEDIATE");
    const replies = requests.map((request) => runRequest(connection, request));
    connection.exec("COMMIT");
    return replies;
  } catch (error) {
    if (connection.inTransaction) connection.exec("ROLLBACK");
    const message = error instanceof Error ? error.message : String(error);
    return requests.map(({ id }) => ({ id, outcome: "failed", message }));
  }
}

/** Throws only if the whole batch is lost. */
function runRequest(connection: Connection, request: Request): Reply {
  const { id } = request;
  connection.exec("SAVEPOINT request");
  try {
    const answer = runSync(scriptOf(request), connection.execute);
    connection.exec("RELEASE request");
    return { id, outcome: "done", answer };
  } catch (error) {
    if (!connection.inTransaction) throw error;
    connection.exec("ROLLBACK TO request");
    connection.exec("RELEASE request");
    if (error instanceof Refused) return { id, outcome: "refused", refusal: error.refusal };
    return { id, outcome: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

function scriptOf({ name, input }: Request): Script<unknown> {
  // The name and the input were typed together by Database.write; the way between the threads forgets that they belong together.
  const script = scripts[name] as (input: unknown, dialect: typeof sqlite) => Script<unknown>;
  return script(input, sqlite);
}
