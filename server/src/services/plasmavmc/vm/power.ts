// Brings a machine to the power state that is asked for, one transition at a time: a guest takes its time, and the engine looks again.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { PowerState, RestartPolicy, type Vm, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { MachineState } from "../../../backends/hypervisor/driver.ts";
import { type NotYet, StepError } from "../../../engine/reconciler.ts";
import type { DriverContext } from "../../driver-step.ts";
import { abilitiesFor } from "./its-host.ts";
import { isMoving } from "./placement/views.ts";
import { isDown, isRebooting, rebooted } from "./reboot.ts";
import { restartDelayMs, restartsSoFar } from "./restarts.ts";
import { reasonWhileOn } from "./state-reason.ts";
import { type Act, type Decision, decide, type Policy, type Situation } from "./transitions.ts";

type Context = DriverContext<typeof VmSchema>;

/** How long a guest may take to shut down before the plug is pulled, in milliseconds: a database gets to write its log out. */
export const shutdownGraceMs = 30_000;
/** The same for a machine that is deleted: nothing of it will be read again. */
const deleteGraceMs = 5_000;
/** How soon a transition is looked at again, in milliseconds; the driver tells of its end before. */
const againMs = 1_000;
/** How soon a guest that does not get on is looked at again, in milliseconds. */
const troubleAgainMs = 5_000;
/** At once, when what was observed is stored: what is done next must not be done without that. */
const whenStored = { againMs: 0 } as const;

const states: Readonly<Record<MachineState["state"], VmState>> = {
  stopped: VmState.STOPPED,
  starting: VmState.STARTING,
  running: VmState.RUNNING,
  stopping: VmState.STOPPING,
  failed: VmState.FAILED,
};

const policies: Readonly<Record<RestartPolicy, Policy>> = {
  [RestartPolicy.UNSPECIFIED]: "always",
  [RestartPolicy.ALWAYS]: "always",
  [RestartPolicy.ON_FAILURE]: "on_failure",
  [RestartPolicy.NEVER]: "never",
};

async function look({ id, resource, drivers, signal, observe }: Context): Promise<MachineState> {
  const now = await drivers.hypervisor.state(id, signal);
  if (now === undefined)
    throw new StepError("MachineGone", `vm ${id} is not on its host any more; it will be made again`);
  observe({ state: states[now.state], accelerator: abilitiesFor(drivers, resource).accelerator?.name ?? "" });
  return now;
}

function restartOf({ restartTime }: Vm, now: number): Situation["restart"] {
  if (restartTime === undefined) return "none";
  return timestampMs(restartTime) <= now ? "now" : "later";
}

function situationOf({ resource, now }: Context, machine: MachineState): Situation {
  return {
    state: machine.state,
    wanted: resource.powerState === PowerState.STOPPED ? "stopped" : "running",
    policy: policies[resource.spec?.restartPolicy ?? RestartPolicy.ALWAYS] ?? "always",
    needsRestart: machine.state === "running" && (machine.needsRestart || isRebooting(resource)),
    ranUnasked: resource.startTime !== undefined,
    restart: restartOf(resource, now),
  };
}

/** Starts, stops or restarts the machine. */
export async function ensurePower(context: Context): Promise<NotYet | void> {
  const machine = await look(context);
  if (isRebooting(context.resource) && isDown(machine)) return rebooted(context);
  const situation = situationOf(context, machine);
  const decision = decide(situation);
  const acted = await acts[decision.act](context, machine, situation);
  if (acted !== "look again") return acted;
  const after = await look(context);
  const then = decide(situationOf(context, after));
  if (then.act === "settle") return settle(context, after);
  return notYet(after, situation, decision);
}

const on: ReadonlySet<VmState> = new Set([VmState.RUNNING, VmState.STARTING, VmState.STOPPING, VmState.UNKNOWN]);

/** It may run, and should not. */
export function isToBeStopped({ powerState, state }: Vm): boolean {
  return powerState === PowerState.STOPPED && on.has(state);
}

/** Stops what should be stopped before all that may not be possible, and says that it is. What can't be told now the later steps say. */
export async function ensureRest(context: Context): Promise<NotYet | void> {
  const { id, resource, drivers, signal } = context;
  if (resource.powerState !== PowerState.STOPPED || isMoving(resource)) return;
  const now = await drivers.hypervisor.state(id, signal).catch((error: unknown) => {
    if (!(error instanceof DriverError)) throw error;
  });
  const rests = now === undefined || (now.state === "stopped" && resource.state === VmState.STOPPED);
  if (!rests) return ensurePower(context);
}

type Acted = NotYet | void | "look again";

const acts: Readonly<Record<Act, (context: Context, machine: MachineState, situation: Situation) => Promise<Acted>>> = {
  settle: async (context, machine) => settle(context, machine),
  wait: async ({ resource, now }, machine, situation) => {
    const { restartTime } = resource;
    const agreed = situation.restart === "later" && restartTime !== undefined;
    return agreed ? untilRestart(resource, timestampMs(restartTime) - now) : notYet(machine, situation);
  },
  start: async ({ id, drivers, signal, observe }) => {
    await drivers.hypervisor.start(id, signal);
    observe({ restartTime: undefined, startTime: undefined, stopTime: undefined });
    return "look again";
  },
  halt,
  agree,
  leave: async ({ observe }) => {
    observe({ stateReason: "the guest shut itself down, and its restart policy leaves it so; StartVm starts it" });
  },
  mourn: async ({ observe }, machine) => {
    const reason = reasonOf(machine);
    observe({ stateReason: reason });
    throw new StepError(
      "MachineFailed",
      `the machine failed: ${reason}; its restart policy leaves it so, StartVm starts it`,
    );
  },
};

function settle(context: Context, machine: MachineState): NotYet | void {
  const { resource, now, observe } = context;
  if (machine.state === "running") return settleRunning(context, machine.trouble);
  const { stopTime } = resource;
  const late = stopTime !== undefined && now - timestampMs(stopTime) >= shutdownGraceMs;
  const pulled = `the guest did not shut down within ${shutdownGraceMs / 1000} seconds of being asked; its plug was pulled`;
  observe({
    startTime: undefined,
    stopTime: undefined,
    restartTime: undefined,
    restarts: 0,
    stateReason: late ? pulled : stopTime === undefined ? resource.stateReason : "",
  });
}

/** What keeps the guest from getting on is told, and looked at again until it has passed: the driver lets the guest go on when it can. */
function settleRunning({ resource, now, observe }: Context, trouble: string | undefined): NotYet | void {
  if (resource.startTime === undefined) observe({ startTime: timestampFromMs(now) });
  observe({ stateReason: reasonWhileOn(resource, trouble) });
  if (trouble !== undefined)
    return { againMs: troubleAgainMs, reason: "MachineWaits", message: trouble, keepsReady: true };
}

/** That it was asked is stored before it is asked: otherwise it would seem to have ended by itself. */
async function halt(context: Context, machine: MachineState): Promise<Acted> {
  const { id, resource, now, drivers, signal, observe } = context;
  const isOff = machine.state === "failed";
  if (resource.startTime !== undefined || (resource.stopTime === undefined && !isOff)) {
    observe({ startTime: undefined, stopTime: timestampFromMs(now) });
    return { ...whenStored, reason: "Stopping", message: "the guest is being asked to shut down" };
  }
  await drivers.hypervisor.stop(id, { graceMs: isOff ? 0 : shutdownGraceMs }, signal);
  return "look again";
}

/** The first restart is made at once. That it ended counts as a failure, so that the log tells of it and its status does when it lasts. */
async function agree({ id, resource, now, drivers, signal, observe }: Context, machine: MachineState): Promise<Acted> {
  const reason = reasonOf(machine);
  const restarts = restartsSoFar(resource, now);
  const delayMs = restartDelayMs(restarts);
  if (delayMs === 0) await drivers.hypervisor.start(id, signal);
  const restartTime = delayMs === 0 ? undefined : timestampFromMs(now + delayMs);
  observe({ restarts: restarts + 1, restartTime, startTime: undefined, stateReason: reason });
  const what = machine.state === "failed" ? `the machine failed: ${reason}` : reason;
  throw new StepError("MachineFailed", `${what}; it is started again ${soon(delayMs)}`);
}

function reasonOf(machine: MachineState): string {
  return machine.state === "failed" ? machine.reason : "the guest shut itself down";
}

function soon(delayMs: number): string {
  return delayMs <= 0 ? "at once" : `in ${Math.ceil(delayMs / 1000)} seconds`;
}

function untilRestart({ stateReason }: Vm, delayMs: number): NotYet {
  return { againMs: delayMs, reason: "MachineFailed", message: `${stateReason}; it is started again ${soon(delayMs)}` };
}

function notYet(machine: MachineState, { wanted }: Situation, decided?: Decision): NotYet {
  const stopping = machine.state === "stopping" || wanted === "stopped";
  if (!stopping)
    return { againMs, reason: "Starting", message: `the machine is ${machine.state}; it should be running` };
  const why = decided?.words ?? `it should be ${wanted}`;
  return {
    againMs,
    reason: "Stopping",
    message: `the guest was asked to shut down (${why}); if it does not within ${shutdownGraceMs / 1000} seconds, its plug is pulled`,
  };
}

/** Shuts the machine down before it is removed. */
export async function removePower(context: Context): Promise<NotYet | void> {
  const { id, drivers, signal } = context;
  const now = await drivers.hypervisor.state(id, signal);
  if (now === undefined || now.state === "stopped") return;
  await drivers.hypervisor.stop(id, { graceMs: deleteGraceMs }, signal);
  const after = await drivers.hypervisor.state(id, signal);
  // One that has failed is off, and so is one whose host is.
  if (after === undefined || after.state === "stopped" || after.state === "failed") return;
  context.observe({ state: states[after.state] });
  return { againMs, reason: "Stopping", message: `the machine is ${after.state}; it is removed when it is off` };
}
