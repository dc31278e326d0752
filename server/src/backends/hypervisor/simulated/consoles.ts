// Consoles of simulated machines: a terminal that says what it is and echoes, since there is no guest who could answer.
import { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MachineConsoles, MachineState } from "../driver.ts";

/** How much of what a machine's terminal showed is kept, in bytes. */
const keptBytes = 64 * 1024;

interface Terminal {
  /** Whether its machine runs. */
  on: boolean;
  log: Buffer;
  readonly viewers: Set<Duplex>;
}

export class SimulatedConsoles implements MachineConsoles {
  readonly #stateOf: (vmId: string) => MachineState | undefined;
  readonly #terminals = new Map<string, Terminal>();

  constructor(stateOf: (vmId: string) => MachineState | undefined) {
    this.#stateOf = stateOf;
  }

  async open(vmId: string, type: "serial" | "vnc", signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    if (type === "vnc")
      throw new DriverError("refused", `vm ${vmId} is simulated: it has a serial console, and no screen`);
    if (this.#stateOf(vmId)?.state !== "running")
      throw new DriverError("missing", `vm ${vmId} does not run, so that it has no console`);
    const terminal = this.#terminalOf(vmId);
    const viewer = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _, done) => {
        this.#show(terminal, Buffer.from(bytes.toString("latin1").replaceAll("\r", "\r\n"), "latin1"));
        done();
      },
      final: (done) => {
        viewer.push(null);
        done();
      },
      destroy: (error, done) => {
        terminal.viewers.delete(viewer);
        done(error);
      },
    });
    terminal.viewers.add(viewer);
    viewer.push(`vm ${vmId} is simulated: no guest runs, and this terminal echoes.\r\n`);
    return viewer;
  }

  async log(vmId: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    if (this.#stateOf(vmId) === undefined) throw new DriverError("missing", `there is no vm ${vmId}`);
    const log = this.#terminals.get(vmId)?.log ?? Buffer.alloc(0);
    return log.subarray(Math.max(0, log.length - maxBytes));
  }

  /** Looks at a machine again: when it has ended, its viewers read the end. */
  changed(vmId: string): void {
    const terminal = this.#terminalOf(vmId);
    const on = this.#stateOf(vmId)?.state === "running";
    if (on === terminal.on) return;
    terminal.on = on;
    if (on) this.#show(terminal, Buffer.from(`vm ${vmId} runs, simulated.\r\n`));
    else end(terminal);
  }

  /** A machine is gone. */
  forget(vmId: string): void {
    this.changed(vmId);
    this.#terminals.delete(vmId);
  }

  #terminalOf(vmId: string): Terminal {
    const terminal = this.#terminals.get(vmId) ?? { on: false, log: Buffer.alloc(0), viewers: new Set() };
    this.#terminals.set(vmId, terminal);
    return terminal;
  }

  #show(terminal: Terminal, bytes: Buffer): void {
    terminal.log = Buffer.concat([terminal.log, bytes]).subarray(-keptBytes);
    for (const viewer of terminal.viewers) viewer.push(bytes);
  }
}

function end({ viewers }: Terminal): void {
  for (const viewer of viewers) viewer.push(null);
  viewers.clear();
}
