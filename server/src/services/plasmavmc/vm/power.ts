// Brings a machine to the power state that is asked for, one transition at a time: a guest takes its time, and the engine looks again.
import { PowerState, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineState } from "../../../backends/hypervisor/driver.ts";
import { type NotYet, StepError } from "../../../engine/reconciler.ts";
import type { DriverContext } from "../../driver-step.ts";

type Context = DriverContext<typeof VmSchema>;

/** How long a guest may take to shut down before the plug is pulled, in milliseconds: a database gets to write its log out. */
const shutdownGraceMs = 30_000;
/** The same for a machine that is deleted: nothing of it will be read again. */
const deleteGraceMs = 5_000;
/** How soon a transition is looked at again, in milliseconds; the driver tells of its end before. */
const againMs = 1_000;

const states: Readonly<Record<MachineState["state"], VmState>> = {
  stopped: VmState.STOPPED,
  starting: VmState.STARTING,
  running: VmState.RUNNING,
  stopping: VmState.STOPPING,
  failed: VmState.FAILED,
};

async function look({ id, drivers, signal, observe }: Context): Promise<MachineState> {
  const now = await drivers.hypervisor.state(id, signal);
  if (now === undefined)
    throw new StepError("MachineGone", `vm ${id} is not on its host any more; it will be made again`);
  observe({ state: states[now.state] });
  return now;
}

function notYet(now: MachineState, wanted: "running" | "stopped"): NotYet {
  const reason = now.state === "stopping" ? "Stopping" : wanted === "running" ? "Starting" : "Stopping";
  return { againMs, reason, message: `the machine is ${now.state}; it should be ${wanted}` };
}

/** Starts, stops or restarts the machine. */
export async function ensurePower(context: Context): Promise<NotYet | void> {
  const wanted = context.resource.powerState === PowerState.STOPPED ? "stopped" : "running";
  const now = await look(context);
  if (isSettled(now, wanted)) return;
  if (now.state === "failed") return await recover(context, now.reason, wanted);
  await act(context, now, wanted);
  const after = await look(context);
  if (!isSettled(after, wanted)) return notYet(after, wanted);
}

function isSettled(now: MachineState, wanted: "running" | "stopped"): boolean {
  if (now.state === "running") return wanted === "running" && !now.needsRestart;
  return now.state === "stopped" && wanted === "stopped";
}

/** A running machine that should run is here only because it needs a restart. */
async function act({ id, drivers, signal }: Context, now: MachineState, wanted: "running" | "stopped"): Promise<void> {
  if (now.state === "stopping") return;
  if (now.state === "running" || wanted === "stopped")
    await drivers.hypervisor.stop(id, { graceMs: shutdownGraceMs }, signal);
  else await drivers.hypervisor.start(id, signal);
}

/** A machine that died is started again. That it died counts as a failure, so that the log tells of it and one that can't start is tried ever more rarely. */
async function recover({ id, drivers, signal }: Context, reason: string, wanted: "running" | "stopped"): Promise<void> {
  if (wanted === "stopped") await drivers.hypervisor.stop(id, { graceMs: 0 }, signal);
  else await drivers.hypervisor.start(id, signal);
  throw new StepError(
    "MachineFailed",
    `the machine failed: ${reason}; it is being ${wanted === "stopped" ? "stopped" : "started again"}`,
  );
}

/** Shuts the machine down before it is removed. */
export async function removePower(context: Context): Promise<NotYet | void> {
  const { id, drivers, signal } = context;
  const now = await drivers.hypervisor.state(id, signal);
  if (now === undefined || now.state === "stopped") return;
  await drivers.hypervisor.stop(id, { graceMs: deleteGraceMs }, signal);
  const after = await drivers.hypervisor.state(id, signal);
  if (after === undefined || after.state === "stopped") return;
  context.observe({ state: states[after.state] });
  return notYet(after, "stopped");
}
