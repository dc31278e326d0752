// The smallest OVSDB client there is: writes requests, counts answers. The floor that ours is measured against.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { isObject, type Json, listOf } from "../../server/src/backends/network/ovn/ovsdb/json.ts";
import { JsonSplitter } from "../../server/src/backends/network/ovn/ovsdb/splitter.ts";
import { northboundTables } from "../../server/src/backends/network/ovn/tables.ts";

const database = "OVN_Northbound";
const noTransaction = "00000000-0000-0000-0000-000000000000";

export class BareClient {
  readonly #socket: Socket;
  readonly #splitter = new JsonSplitter();
  readonly #answers = new Map<number, (result: Json) => void>();
  #onUpdate = () => undefined;
  #id = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (piece) => {
      for (const message of this.#splitter.push(piece)) this.#take(message);
    });
  }

  /** @param remote "unix:/path" */
  static async open(remote: string): Promise<BareClient> {
    const socket = connect(remote.slice("unix:".length));
    await once(socket, "connect");
    return new BareClient(socket);
  }

  /** Fails if any operation did. */
  async transact(operations: readonly Json[]): Promise<readonly Json[]> {
    const results = listOf(await this.call("transact", [database, ...operations]));
    const failed = results.find((result) => isObject(result) && result.error !== undefined);
    if (failed !== undefined) throw new Error(JSON.stringify(failed));
    return results;
  }

  call(method: string, params: readonly Json[]): Promise<Json> {
    const id = ++this.#id;
    this.#socket.write(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  /** Is told of every change of the rows that the driver keeps a copy of, and forgets it. */
  async follow(): Promise<void> {
    const requests = Object.entries(northboundTables).map(([table, { columns }]) => [table, [{ columns }]]);
    await this.call("monitor_cond_since", [database, "copy", Object.fromEntries(requests), noTransaction]);
  }

  /** Raises the number that northd and the hosts follow, and waits until all hosts have it. */
  async handshake(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const row = async () => {
      const [result] = await this.transact([
        { op: "select", table: "NB_Global", where: [], columns: ["nb_cfg", "hv_cfg"] },
      ]);
      const [global] = isObject(result) ? listOf(result.rows) : [];
      return isObject(global) ? global : {};
    };
    await this.transact([{ op: "mutate", table: "NB_Global", where: [], mutations: [["nb_cfg", "+=", 1]] }]);
    const look = async () => {
      const { nb_cfg, hv_cfg } = await row();
      if (nb_cfg === hv_cfg) resolve();
    };
    this.#onUpdate = () => void look();
    await this.call("monitor", [database, `hosts-${this.#id}`, { NB_Global: { columns: ["hv_cfg"] } }]);
    await look();
    await promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Json): void {
    if (!isObject(message)) return;
    if (message.method === "echo")
      this.#socket.write(JSON.stringify({ id: message.id, result: message.params, error: null }));
    else if (message.method === "update") this.#onUpdate();
    else if (typeof message.id === "number") {
      this.#answers.get(message.id)?.(message.result ?? null);
      this.#answers.delete(message.id);
    }
  }
}
