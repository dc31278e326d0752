// How a machine comes from another host: its process waits for what it was there, and goes on here.
import { DriverError } from "../../driver-error.ts";
import { type Running, writeDefinition, writeRunning } from "./definition.ts";
import { type Incoming, lastWords, plugTaps } from "./launch.ts";
import { type MachineLife, sentenceOf } from "./machine-life.ts";
import { begin } from "./machine-start.ts";
import type { Power } from "./power-off.ts";

export async function receive(
  life: MachineLife,
  { room, ...incoming }: Incoming & Pick<Running, "room">,
): Promise<Power> {
  await begin(life, { ...life.definition, spec: incoming.spec, room }, incoming);
  const { power } = life;
  if (power === undefined) throw new Error(lastWords(life.files));
  return power;
}

/**
 * It has come: it is this host's from here on, and goes on.
 *
 * @param runs whether it ran where it comes from.
 * @throws before that is written alone: its process has died.
 */
export async function settleIn(life: MachineLife, runs: boolean, signal: AbortSignal): Promise<void> {
  const { host, files, definition, off } = life;
  if (runs && life.power === undefined) throw new DriverError("unavailable", `its process died: ${lastWords(files)}`);
  writeRunning(files, life.running);
  writeDefinition(files, definition);
  const { power } = life;
  if (power === undefined) return life.state.become("stopped");
  try {
    await plugTaps(host, power.running.spec, signal);
    await power.monitor.execute("cont");
    life.state.become("running");
  } catch (error) {
    await off.pullPlug(power);
    await life.ended;
    life.fail(sentenceOf(error));
  }
}
