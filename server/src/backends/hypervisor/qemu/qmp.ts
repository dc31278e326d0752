// The QEMU Machine Protocol over a unix socket (QEMU, docs/interop/qmp-spec.rst): one JSON object a line; answers by id, events in between.
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** A command that QEMU refused, or that the loss of the connection left unanswered. */
export class QmpError extends Error {
  override readonly name = "QmpError";
  /** QEMU's own class ("GenericError", "DeviceNotFound"), or "Disconnected". */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How long a monitor may take to greet: one that another client holds accepts the connection and says nothing. Milliseconds. */
const greetingMs = 5_000;

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A monitor that is ready for commands. It serves one client at a time. */
export class Qmp {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #closed: Promise<void>;
  #next = 0;
  #greet: () => void = () => {};
  #onEvent: (event: QmpEvent) => void;

  private constructor(socket: Socket, onEvent: (event: QmpEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => this.#take(line)).on("error", () => {});
    void this.#closed.then(() => this.#failAll());
  }

  /**
   * A process that loads itself greets at once, and does what it is told when it has.
   *
   * @param onGreeting may tell it what to do then.
   * @throws QmpError "Disconnected" if nobody answers there.
   */
  static async open(
    path: string,
    onEvent: (event: QmpEvent) => void = () => {},
    onGreeting: (qmp: Qmp) => void = () => {},
  ): Promise<Qmp> {
    const socket = connect({ path });
    const qmp = new Qmp(socket, onEvent);
    const greeted = new Promise<void>((resolve) => (qmp.#greet = resolve));
    const late = setTimeout(() => socket.destroy(), greetingMs);
    try {
      if ((await Promise.race([greeted.then(() => "greeted"), qmp.#closed])) !== "greeted")
        throw new QmpError("Disconnected", `no monitor answers at ${path}`);
      const isReady = qmp.execute("qmp_capabilities");
      onGreeting(qmp);
      await isReady;
      return qmp;
    } finally {
      clearTimeout(late);
    }
  }

  /** Resolves when the connection is gone: the process has ended, or `close` was called. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** @throws QmpError */
  execute(command: string, args: object = {}): Promise<unknown> {
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new QmpError("Disconnected", `${command}: the monitor is gone`));
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(line: string): void {
    const message = parse(line);
    if (message === undefined) return;
    if ("QMP" in message) this.#greet();
    else if (typeof message.event === "string")
      this.#onEvent({ event: message.event, data: recordOf(message.data) ?? {} });
    else this.#answer(message);
  }

  #answer({ id, error, return: answer }: Record<string, unknown>): void {
    const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
    if (pending === undefined || typeof id !== "number") return;
    this.#pending.delete(id);
    const refusal = recordOf(error);
    if (refusal === undefined) pending.resolve(answer);
    else pending.reject(new QmpError(String(refusal.class), String(refusal.desc)));
  }

  #failAll(): void {
    for (const { reject } of this.#pending.values()) reject(new QmpError("Disconnected", "the monitor is gone"));
    this.#pending.clear();
  }
}

/** A JSON object's members. */
export function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return recordOf(JSON.parse(line));
  } catch {
    // A process that is being killed may leave half a line.
    return undefined;
  }
}
