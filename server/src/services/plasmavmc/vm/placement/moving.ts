// What is stored of a move: its second place while it lasts, and which of the two is the machine's in the end.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Vm,
  VmMoveOrderSchema,
  VmMovePhase,
  VmMoveSchema,
  VmState,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { DriverError } from "../../../../backends/driver-error.ts";
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type { DrainTerms, MoveTerms, Stayed, Whose } from "../../../../backends/hypervisor/places.ts";
import { hostKey } from "../../host/report.ts";
import { copyUnderWay, relatedIn, sourceLeaves } from "./copying.ts";
import { noRoom, pick, whose, wishFor } from "./placing.ts";
import { type Session, vmKey } from "./session.ts";
import { questionOf } from "./stored.ts";
import { hostsOf, isMoving, stakeOf } from "./views.ts";
import { summaryOf } from "./words.ts";

/** How soon a host is looked at after a machine has left it, in milliseconds: by then that is mostly done. */
const sweepMs = 2_000;

/** Keeps room on another host. Where there is none, the move has failed with the reasons. */
export async function beginMove(session: Session, spec: MachineSpec, terms: MoveTerms): Promise<void> {
  const vm = await session.vm(spec);
  if (vm?.spec === undefined || vm.hostId === "" || (vm.move?.number ?? 0) >= terms.number) return;
  const source = await session.host(vm.hostId);
  const { copyOf: _, ...made } = spec;
  const wish = await wishFor(session, questionOf(vm, made));
  const leaving = { ...wish, leaves: vm.hostId, ...(source && { driver: source.driver }) };
  const begun = { number: terms.number, sourceHostId: vm.hostId, startTime: timestampFromMs(session.tx.now) };
  const copy = await copyUnderWay(relatedIn(session, spec.owner), vm);
  if (copy !== undefined) return failed(session, spec, begun, copy.words);
  const found = await pick(session, leaving, terms.hostId);
  if (typeof found !== "string") return failed(session, spec, begun, reasonFor(terms, found));
  await session.ledger.keep({ ...whose(spec), hostId: found, ...stakeOf(vm.spec) });
  await session.edit(spec, (outputs) => {
    outputs.move = create(VmMoveSchema, { ...begun, targetHostId: found, phase: VmMovePhase.PREPARING });
  });
}

function reasonFor({ hostId }: MoveTerms, verdicts: Parameters<typeof summaryOf>[0]): string {
  if (hostId === undefined) return `no other host may run it: ${summaryOf(verdicts)}`;
  const [verdict] = verdicts;
  if (verdict === undefined) return `there is no host ${hostId}`;
  return `host ${hostId} may not run it: ${verdict.obstacles.map(({ message }) => message).join("; ")}`;
}

async function failed(session: Session, spec: Whose, begun: object, reason: string): Promise<void> {
  await session.edit(spec, (outputs) => {
    const endTime = timestampFromMs(session.tx.now);
    outputs.move = create(VmMoveSchema, { ...begun, phase: VmMovePhase.FAILED, reason, endTime });
  });
}

/** From here on it is the other host's. */
export async function arrive(session: Session, machine: Whose): Promise<void> {
  const vm = await session.vm(machine);
  if (vm?.move === undefined || !isMoving(vm)) return;
  const { sourceHostId, targetHostId } = vm.move;
  await session.ledger.free(whose(machine), sourceHostId, { leaves: true });
  await session.edit(machine, (outputs) => {
    outputs.hostId = targetHostId;
    if (outputs.move) outputs.move.phase = VmMovePhase.CLEANING;
  });
  // If the machine's own step can't remove what is left there, its host's does.
  session.tx.schedule(hostKey(sourceHostId), session.tx.now + sweepMs);
}

export async function stay(session: Session, machine: Whose, { outcome, reason, isLeft }: Stayed): Promise<void> {
  const vm = await session.vm(machine);
  if (vm?.move === undefined || !isMoving(vm)) return;
  await session.ledger.free(whose(machine), vm.move.targetHostId, { leaves: isLeft });
  if (isLeft) session.tx.schedule(hostKey(vm.move.targetHostId), session.tx.now + sweepMs);
  await session.edit(machine, ({ move }) => {
    if (move === undefined) return;
    move.phase = outcome === "failed" ? VmMovePhase.FAILED : VmMovePhase.CANCELLED;
    Object.assign(move, { reason, endTime: timestampFromMs(session.tx.now) });
  });
}

/** Whether a move was asked for and has not begun. */
export function isOrdered({ move, moveOrder }: Pick<Vm, "move" | "moveOrder">): boolean {
  return moveOrder !== undefined && !moveOrder.cancelled && moveOrder.number > (move?.number ?? 0);
}

export async function orderMove(session: Session, machine: Whose, { hostId, stop }: DrainTerms): Promise<void> {
  const vm = await session.vm(machine);
  if (vm === undefined || vm.hostId !== hostId || isMoving(vm) || isOrdered(vm)) return;
  await session.edit(machine, (outputs) => {
    outputs.moveOrder = create(VmMoveOrderSchema, { number: nextOrder(vm), stop, drainHostId: hostId });
  });
  session.tx.schedule(vmKey(machine));
}

export function nextOrder({ move, moveOrder }: Pick<Vm, "move" | "moveOrder">): number {
  return Math.max(move?.number ?? 0, moveOrder?.number ?? 0) + 1;
}

/** Takes back what a drain of a host has ordered of a machine. */
export async function cancelOrder(session: Session, machine: Whose, hostId: string): Promise<void> {
  const vm = await session.vm(machine);
  if (vm?.moveOrder?.drainHostId !== hostId || vm.moveOrder.cancelled) return;
  await session.edit(machine, ({ moveOrder }) => {
    if (moveOrder) moveOrder.cancelled = true;
  });
  session.tx.schedule(vmKey(machine));
}

/** Gives up a place on a lost host for another. What was there may still be there: it is removed if the host comes back. */
export async function rebuild(session: Session, spec: MachineSpec): Promise<DriverError | undefined> {
  const vm = await session.vm(spec);
  if (vm?.spec === undefined || vm.hostId !== spec.hostId) return undefined;
  const leaving = await sourceLeaves(session, spec);
  if (leaving !== undefined) return leaving;
  const found = await pick(session, { ...(await wishFor(session, questionOf(vm, spec))), leaves: vm.hostId });
  if (typeof found !== "string") return noRoom(spec, found);
  await release(session, spec, () => true);
  await session.ledger.keep({ ...whose(spec), hostId: found, ...stakeOf(vm.spec) });
  await session.edit(spec, (outputs) => {
    const fresh = { startTime: undefined, stopTime: undefined, restartTime: undefined, stateReason: "" };
    Object.assign(outputs, { hostId: found, state: VmState.CREATING, move: undefined, ...fresh });
  });
  await session.ledger.change(vm.hostId, ({ evacuation }) => {
    if (evacuation) evacuation.rebuilt += 1;
  });
  session.tx.schedule(hostKey(vm.hostId));
  return undefined;
}

/** Frees all places of a machine. */
export async function release(session: Session, machine: Whose, isLeft: (hostId: string) => boolean): Promise<void> {
  const vm = await session.vm(machine);
  for (const hostId of vm === undefined ? [] : hostsOf(vm))
    await session.ledger.free(whose(machine), hostId, { leaves: isLeft(hostId) });
}
