// A monitor in the place of QEMU's, for what no QEMU does when it is asked to: refuse, be silent, drop the line.
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { recordOf } from "../qmp.ts";

/** What it answers to those that want more than nothing. */
const answers: Readonly<Record<string, unknown>> = {
  "qom-list": [],
  "query-named-block-nodes": [],
  "query-block-jobs": [],
  "query-cpus-fast": [{}],
  "query-memory-size-summary": { "base-memory": 128 * 1024 ** 2 },
};

export class FakeMonitor {
  /** The commands that came. */
  readonly asked: string[] = [];
  /** Answered with an error. */
  readonly refused = new Set<string>();
  /** Not answered at all. */
  readonly ignored = new Set<string>();
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  constructor(path: string) {
    this.#server = createServer((socket) => this.#serve(socket)).listen(path);
  }

  /** Breaks what is open. */
  drop(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket)).on("error", () => {});
    socket.write('{"QMP": {}}\n');
    createInterface({ input: socket }).on("line", (line) => {
      const { execute, id } = recordOf(JSON.parse(line)) ?? {};
      const command = String(execute);
      this.asked.push(command);
      if (this.ignored.has(command)) return;
      const error = { class: "GenericError", desc: "not now" };
      const said = this.refused.has(command) ? { error } : { return: answers[command] ?? {} };
      socket.write(`${JSON.stringify({ ...said, id })}\n`);
    });
  }
}
