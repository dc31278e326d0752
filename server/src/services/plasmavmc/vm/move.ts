// Moves a machine to another host, a look at a time: whoever looks next, after whatever crash, finds from what is stored and from both hosts how
// far it is. Until the source says that it is done, the machine is the source's.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  PowerState,
  type Vm,
  type VmMove,
  VmMovePhase,
  VmMoveSchema,
  type VmSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver, MachineMoves, MoveOffer, MoveState } from "../../../backends/hypervisor/driver.ts";
import type { Places } from "../../../backends/hypervisor/places.ts";
import type { NotYet } from "../../../engine/reconciler.ts";
import { type DriverContext, ownerOf } from "../../driver-step.ts";
import { isOrdered } from "./placement/moving.ts";
import { isMoving } from "./placement/views.ts";
import type { Describe } from "./placement.ts";
import { shutdownGraceMs } from "./power.ts";
import { reasonWhileOn } from "./state-reason.ts";

type Context = DriverContext<typeof VmSchema>;

/** How soon a move is looked at again, in milliseconds: memory and disks take seconds and minutes. */
const againMs = 500;

/** One move, with both of its ends. */
interface Moving {
  readonly context: Context;
  readonly places: Places;
  readonly move: VmMove;
  /** Undefined: the host is fenced. */
  readonly source: HypervisorDriver | undefined;
  readonly target: HypervisorDriver | undefined;
}

function whoseOf({ id, key }: Context) {
  return { vmId: id, owner: ownerOf(key.tenant) };
}

/** What users of the machine notice of a move, which is nothing. */
function notYet(reason: string, message: string, ms = againMs): NotYet {
  return { againMs: ms, reason, message, keepsReady: true };
}

const atOnce = (message: string) => notYet("Moving", message, 0);

function endsOf(context: Context): Moving | undefined {
  const { places, hypervisor } = context.drivers;
  const { move } = context.resource;
  const { placement } = hypervisor;
  if (places === undefined || placement === undefined || move === undefined) return undefined;
  const [source, target] = [placement.on(move.sourceHostId), placement.on(move.targetHostId)];
  return { context, places, move, source, target };
}

/** Begins what was ordered, and goes on with what was begun. While a move is under way, nothing else is done with the machine. */
export async function ensureMove(context: Context, machineOf: Describe): Promise<NotYet | void> {
  const { resource, drivers, signal } = context;
  const { places } = drivers;
  if (places === undefined) return;
  if (resource.move?.phase === VmMovePhase.CLEANING) return clean(context);
  if (isMoving(resource)) return goOn(context, machineOf);
  const { moveOrder } = resource;
  if (!isOrdered(resource) || moveOrder === undefined) return;
  const { number, hostId } = moveOrder;
  await places.beginMove(await machineOf(context), { number, ...(hostId === "" ? {} : { hostId }) }, signal);
  return atOnce("another host was looked for");
}

async function goOn(context: Context, machineOf: Describe): Promise<NotYet | void> {
  const moving = endsOf(context);
  if (moving === undefined) return;
  const { move, source, target } = moving;
  if (source === undefined) return afterLoss(moving);
  if (move.phase === VmMovePhase.SETTLING) return settle(moving);
  if (target === undefined) return giveUp(moving, "failed", `host ${move.targetHostId} is off`);
  const taken = takenBack(context.resource);
  if (taken !== undefined) return giveUp(moving, "cancelled", taken);
  if (move.phase === VmMovePhase.STOPPING) return stopFirst(moving, machineOf);
  return copy(moving, await stateOf(moving), machineOf);
}

/** Why a move is not wanted any more. */
function takenBack({ move, moveOrder, powerState, startTime }: Vm): string | undefined {
  if (moveOrder?.cancelled && moveOrder.number === move?.number) return "it was asked to stay";
  if (powerState === PowerState.STOPPED && startTime !== undefined) return "it should be stopped";
  return undefined;
}

function movesOf(driver: HypervisorDriver | undefined): MachineMoves {
  if (driver?.moves !== undefined) return driver.moves;
  throw new DriverError(
    "refused",
    `machines of the hypervisor ${driver?.name ?? "of a host that is off"} can't be moved`,
  );
}

async function stateOf({ context, source }: Moving): Promise<MoveState | undefined> {
  return source?.moves?.state(context.id, context.signal);
}

async function copy(moving: Moving, state: MoveState | undefined, machineOf: Describe): Promise<NotYet> {
  if (state === undefined) return send(moving, machineOf);
  const { context, move } = moving;
  switch (state.phase) {
    case "copying":
      return tellProgress(moving, state);
    case "failed":
      return giveUp(moving, "failed", state.reason);
    case "done":
      context.observe({ move: next(move, VmMovePhase.SETTLING, { progress: 100 }) });
      return atOnce("it has come to the other host");
  }
}

function next(move: VmMove, phase: VmMovePhase, more: Partial<VmMove> = {}): VmMove {
  return create(VmMoveSchema, { ...move, ...more, phase });
}

async function tellProgress(
  { context, move, source }: Moving,
  { copiedBytes, totalBytes }: MoveState & { phase: "copying" },
): Promise<NotYet> {
  const { id, resource, signal, observe } = context;
  const progress = totalBytes <= 0 ? 0 : Math.min(100, Math.floor((copiedBytes / totalBytes) * 100));
  if (progress !== move.progress || move.phase !== VmMovePhase.COPYING) {
    const bytes = { copiedBytes: BigInt(Math.floor(copiedBytes)), totalBytes: BigInt(Math.floor(totalBytes)) };
    observe({ move: next(move, VmMovePhase.COPYING, { progress, ...bytes }) });
  }
  const now = await source?.state(id, signal);
  if (now?.state === "running") observe({ stateReason: reasonWhileOn(resource, now.trouble) });
  return notYet("Moving", `${progress} % are copied to host ${move.targetHostId}`);
}

/** Has the target wait, and the source begin. What can't be moved while it runs is shut down first, if that is allowed. */
async function send(moving: Moving, machineOf: Describe): Promise<NotYet> {
  const { context, move, source } = moving;
  const offer = await offerOf(moving, machineOf);
  if (offer instanceof DriverError) return giveUp(moving, "failed", offer.message);
  try {
    await movesOf(source).send(context.id, offer, context.signal);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    if (error.reason === "unavailable") return notYet("Moving", error.message);
    return refused(moving, error.message);
  }
  context.observe({ move: next(move, VmMovePhase.COPYING) });
  return notYet("Moving", `it is being copied to host ${move.targetHostId}`);
}

async function offerOf({ context, move, target }: Moving, machineOf: Describe): Promise<MoveOffer | DriverError> {
  const { drivers, signal } = context;
  // It has its disks: what they were copied from stays behind.
  const { copyOf: _, ...spec } = await machineOf(context);
  try {
    if (spec.imageId !== undefined) await drivers.hypervisor.placement?.bring(move.targetHostId, spec.imageId, signal);
    return await movesOf(target).offer({ ...spec, hostId: move.sourceHostId }, signal);
  } catch (error) {
    if (error instanceof DriverError) return error;
    throw error;
  }
}

async function refused(moving: Moving, reason: string): Promise<NotYet> {
  const { context, move, source } = moving;
  const now = await source?.state(context.id, context.signal);
  if (now?.state !== "running" || context.resource.moveOrder?.stop !== true || source?.moves === undefined)
    return giveUp(moving, "failed", reason);
  // That it is shut down on purpose is stored before it is asked.
  const stopTime = timestampFromMs(context.now);
  context.observe({
    move: next(move, VmMovePhase.STOPPING, { stopped: true, reason }),
    startTime: undefined,
    stopTime,
  });
  return atOnce("it is shut down, since it can't be moved while it runs");
}

async function stopFirst(moving: Moving, machineOf: Describe): Promise<NotYet> {
  const { context, source } = moving;
  const now = await source?.state(context.id, context.signal);
  if (now?.state === "stopped" || now?.state === "failed") return copy(moving, await stateOf(moving), machineOf);
  await source?.stop(context.id, { graceMs: shutdownGraceMs }, context.signal);
  return {
    againMs,
    reason: "Moving",
    message: "the guest was asked to shut down, since it can't be moved while it runs",
  };
}

/** It runs on the other host: from here on it is a machine of that host. */
async function settle({ context, places, target }: Moving): Promise<NotYet> {
  if (target !== undefined) await movesOf(target).settle(context.id, context.signal);
  await places.arrive(whoseOf(context));
  return atOnce("it is on the other host");
}

/** The machine stays where it is; unless it has come to the other host meanwhile. */
async function giveUp(moving: Moving, outcome: "failed" | "cancelled", reason: string): Promise<NotYet> {
  const { context, places, move, source, target } = moving;
  await source?.moves?.cancel(context.id, context.signal);
  if ((await stateOf(moving))?.phase === "done") {
    context.observe({ move: next(move, VmMovePhase.SETTLING, { progress: 100 }) });
    return atOnce("it has come to the other host");
  }
  const isLeft = !(await forgets(context, target));
  await places.stay(whoseOf(context), { outcome, reason, isLeft });
  return atOnce(`it stays: ${reason}`);
}

/** Whether the target has forgotten the machine; otherwise what is there is removed when it can be. */
async function forgets({ id, signal }: Context, target: HypervisorDriver | undefined): Promise<boolean> {
  try {
    await target?.moves?.cancel(id, signal);
    return target !== undefined;
  } catch (error) {
    if (error instanceof DriverError && error.reason === "unavailable") return false;
    throw error;
  }
}

/** The source is off: the machine is where it has come to, if it has. */
async function afterLoss(moving: Moving): Promise<NotYet> {
  const { context, places, move, target } = moving;
  try {
    await movesOf(target).settle(context.id, context.signal);
    await places.arrive(whoseOf(context));
  } catch (error) {
    if (!(error instanceof DriverError && (error.reason === "missing" || target === undefined))) throw error;
    const isLeft = !(await forgets(context, target));
    await places.stay(whoseOf(context), { outcome: "failed", reason: `host ${move.sourceHostId} is off`, isLeft });
  }
  return atOnce("the host that it was on is off");
}

/** Removes what is left on the host that it was on; where that can't be asked, it is done when it comes back. */
async function clean(context: Context): Promise<void> {
  const { resource, now, observe } = context;
  if (resource.move === undefined) return;
  await removeLeft(context, resource.move.sourceHostId);
  observe({ move: next(resource.move, VmMovePhase.DONE, { endTime: timestampFromMs(now) }) });
}

async function removeLeft(context: Context, hostId: string): Promise<void> {
  const { id, drivers, signal } = context;
  try {
    const source = drivers.hypervisor.placement?.on(hostId);
    if (source === undefined) return;
    await source.remove(id, signal);
    await drivers.places?.swept({ ...whoseOf(context), hostId });
  } catch (error) {
    if (!(error instanceof DriverError && error.reason === "unavailable")) throw error;
  }
}

/** A machine that is to be removed is not moved any more: nothing of it is left at either end. */
export async function removeMove(context: Context): Promise<void> {
  const { id, resource, signal } = context;
  if (resource.move?.phase === VmMovePhase.CLEANING) return removeLeft(context, resource.move.sourceHostId);
  const moving = isMoving(resource) ? endsOf(context) : undefined;
  if (moving === undefined) return;
  const { source, target } = moving;
  await source?.moves?.cancel(id, signal);
  const isDone = source === undefined || (await stateOf(moving))?.phase === "done";
  if (isDone) await target?.moves?.settle(id, signal).catch(unlessMissing);
  await target?.moves?.cancel(id, signal);
  await target?.remove(id, signal);
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof DriverError && error.reason === "missing")) throw error;
}
