// How a machine comes from another host: its process waits for what it was there, and goes on here.
import { DriverError } from "../../driver-error.ts";
import { atMost } from "./at-most.ts";
import { type Running, writeDefinition, writeRunning } from "./definition.ts";
import { type Incoming, lastWords } from "./launch.ts";
import { goOn } from "./machine-going-on.ts";
import type { MachineLife } from "./machine-life.ts";
import { begin } from "./machine-start.ts";
import type { Connections } from "./move-connections.ts";
import type { Power } from "./power-off.ts";

/** How long it is waited for until it goes on, in milliseconds; it is this host's whether it has or not. */
const goesOnMs = 5_000;

export async function receive(
  life: MachineLife,
  { room, ...incoming }: Incoming & Pick<Running, "room">,
): Promise<Power> {
  await begin(life, { ...life.definition, spec: incoming.spec, room }, {}, incoming);
  const { power } = life;
  if (power === undefined) throw new Error(lastWords(life.files));
  return power;
}

/**
 * It has come: it is this host's from here on, and goes on.
 *
 * @param connections what went on over its ports where it comes from; undefined: it did not run there.
 * @throws before that is written alone: its process has died.
 */
export async function settleIn(life: MachineLife, connections: Connections | undefined): Promise<void> {
  const { host, files, definition } = life;
  if (connections !== undefined && life.power === undefined)
    throw new DriverError("unavailable", `its process died: ${lastWords(files)}`);
  writeRunning(files, life.running);
  writeDefinition(files, definition);
  if (connections !== undefined) life.connections = connections;
  const { power } = life;
  life.state.become(power === undefined ? "stopped" : "running");
  if (power !== undefined) await atMost(host.clock, goesOnMs, goOn(life, power.monitor));
}
