// Whether a server is the one to talk to: its database `_Server` tells whether it is in touch with its cluster, and whether it leads it.
// A server that runs alone says yes to both.
import { type Connection, RpcError } from "./connection.ts";
import { isObject, type Json, type JsonObject, objectOf } from "./json.ts";

/** The name of our monitor, by which its updates are known. */
export const leaderMonitor = "photon-leader";

export class Leadership {
  readonly #database: string;
  readonly #leaderOnly: boolean;
  readonly #connection: Connection;
  /** False is the default and therefore never sent. */
  #state: JsonObject = {};

  constructor(connection: Connection, database: string, leaderOnly: boolean) {
    this.#connection = connection;
    this.#database = database;
    this.#leaderOnly = leaderOnly;
  }

  /** Resolves if this is the server to talk to. Closes the connection when it no longer is. */
  async check(): Promise<void> {
    // Not the column `index`: it changes with every commit.
    const where = [["name", "==", this.#database]];
    const request = { Database: [{ columns: ["name", "leader", "connected"], where }] };
    await this.#connection
      .call("monitor_cond", ["_Server", leaderMonitor, request], (state) => this.take(state))
      .catch((err: unknown) => {
        // Servers before 2.9 know no `_Server` and no clusters.
        if (!(err instanceof RpcError) || err.error !== "unknown database") throw err;
      });
  }

  take(updates: Json): void {
    for (const change of Object.values(objectOf(objectOf(updates).Database))) {
      const { initial, insert, modify } = objectOf(change);
      const row = initial ?? insert ?? modify;
      this.#state = isObject(row) ? { ...this.#state, ...row } : {};
    }
    const fault = this.#fault();
    if (fault !== undefined) this.#connection.close(new Error(fault));
  }

  #fault(): string | undefined {
    if (this.#state.name === undefined) return `the server has no database ${this.#database}`;
    if (this.#state.connected !== true) return "the server has lost its cluster";
    return this.#leaderOnly && this.#state.leader !== true ? "the server is not the cluster's leader" : undefined;
  }
}
