// Tells the other processes on the same database that something was committed, and hears it from them. Hints only: they may be lost, doubled
// or late. NOTIFY goes over a connection of its own after the commit, many commits in one: inside the transaction it would make all commits
// wait for each other.
import { randomUUID } from "node:crypto";
import pg from "pg";
import { clientConfig } from "./client.ts";

const channel = "photoncloud_commits";
/** The log is read below the oldest running transaction, so what was committed may only show a moment later: a second hint follows. */
const echoMs = 100;
const reconnectMs = 1_000;

export class Hints {
  readonly #url: string;
  readonly #heard: () => void;
  readonly #self = randomUUID();
  #client: pg.Client | undefined;
  #sending = false;
  #again = false;
  #closed = false;
  #echo: NodeJS.Timeout | undefined;
  #reconnect: NodeJS.Timeout | undefined;

  constructor(url: string, heard: () => void) {
    this.#url = url;
    this.#heard = heard;
  }

  async open(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#url));
    client.on("notification", ({ payload }) => {
      if (payload !== this.#self) this.#hint();
    });
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    await client.connect();
    await client.query(`LISTEN ${channel}`);
    this.#client = client;
    if (this.#closed) await client.end();
  }

  /** This process has committed something. */
  committed(): void {
    this.#hint();
    void this.#send();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#echo);
    clearTimeout(this.#reconnect);
    await this.#client?.end();
  }

  #hint(): void {
    this.#heard();
    this.#echo ??= setTimeout(() => {
      this.#echo = undefined;
      this.#heard();
    }, echoMs).unref();
  }

  /** One NOTIFY at a time; what is committed meanwhile is told by one more. */
  async #send(): Promise<void> {
    this.#again = true;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#again && this.#client) {
      this.#again = false;
      // Where it fails the connection is lost, and after the new one everybody looks anyway.
      await this.#client.query("SELECT pg_notify($1, $2)", [channel, this.#self]).catch(() => undefined);
    }
    this.#sending = false;
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = undefined;
    this.#retry();
  }

  #retry(): void {
    this.#reconnect = setTimeout(() => {
      this.open().then(
        () => this.#hint(),
        () => this.#closed || this.#retry(),
      );
    }, reconnectMs).unref();
  }
}
