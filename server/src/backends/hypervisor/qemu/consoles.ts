// What people see of machines. QEMU serves several VNC viewers by itself, each with a handshake of its own; a serial line's are ours to serve.
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MachineConsoles } from "../driver.ts";
import { readLog } from "./console-log.ts";
import type { Machine } from "./machine.ts";

/** The consoles of machines, which `machineOf` finds. */
export function consolesOf(machineOf: (vmId: string) => Machine | undefined): MachineConsoles {
  return {
    open: async (vmId, type, signal) => {
      signal.throwIfAborted();
      const machine = machineOf(vmId);
      if (machine?.power === undefined)
        throw new DriverError("missing", `vm ${vmId} does not run, so that it has no console`);
      const opened = type === "serial" ? machine.serial.join() : dial(machine.files.vnc);
      return await opened.catch((cause: unknown) => {
        throw new DriverError("unavailable", `the console of vm ${vmId} does not answer`, { cause });
      });
    },
    log: async (vmId, maxBytes) => {
      const machine = machineOf(vmId);
      if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId}`);
      return readLog(machine.files.consoleLog, maxBytes);
    },
  };
}

async function dial(path: string): Promise<Duplex> {
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  // What ends a viewer is told by the end itself.
  return socket.on("error", () => {});
}
