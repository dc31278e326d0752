// DrainHost, AbortDrain and PreviewDrain, and the step that carries a drain out: a few machines at a time, until none is left.
import { create, isMessage } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  DrainHostRequestSchema,
  DrainPreviewSchema,
  type Host,
  HostDrainOrderSchema,
  HostDrainPhase,
  HostDrainSchema,
  type HostMachine,
  HostMachineSchema,
  type HostSchema,
  HostState,
} from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import type { PlacedMachine, Places, Whose } from "../../../backends/hypervisor/places.ts";
import type { NotYet } from "../../../engine/reconciler.ts";
import { Fault } from "../../../fault.ts";
import type { DriverContext } from "../../driver-step.ts";
import type { CustomMethod, QueryMethod } from "../../kind.ts";
import { isDraining } from "../vm/placement/views.ts";

type Context = DriverContext<typeof HostSchema>;

/** Machines that are moved at a time, where nothing is said; told in host.proto. Each takes its share of both hosts' lines. */
const fewAtATime = 2;
/** A machine that could not be moved is tried again after this, in milliseconds: what kept it may have changed. */
const retryMs = 30_000;
/** How soon a drain is looked at again, in milliseconds. */
const againMs = 1_000;
/** How many machines that can't be moved are named; told in host.proto. */
const mostNamed = 100;
/** How many moves a preview names; told in host.proto. */
const mostPreviewed = 1_000;

/** @throws Fault WRONG_STATE where nothing can be moved from it. */
export const drainHost: CustomMethod<typeof HostSchema> = {
  async update(host, request) {
    if (!isMessage(request, DrainHostRequestSchema)) throw new Error("DrainHost was given another request");
    if (host.state === HostState.FENCED)
      throw new Fault("WRONG_STATE", `host ${host.id} is off, so that nothing can be moved from it; evacuate it`);
    const { stop, parallel } = request;
    const before = host.drainOrder?.number ?? 0;
    const number = isDraining(host) ? before : before + 1;
    host.drainOrder = create(HostDrainOrderSchema, { number, stop, parallel: parallel || fewAtATime });
  },
};

/** @throws Fault WRONG_STATE where it is not being drained. */
export const abortDrain: CustomMethod<typeof HostSchema> = {
  async update(host) {
    if (host.drainOrder === undefined || !isDraining(host))
      throw new Fault("WRONG_STATE", `host ${host.id} is not being drained`);
    host.drainOrder.aborted = true;
  },
};

export const previewDrain: QueryMethod<typeof HostSchema> = {
  async answer({ id }, request, { drivers }) {
    if (!isMessage(request, DrainHostRequestSchema)) throw new Error("PreviewDrain was given another request");
    const planned = (await drivers.places?.previewDrain(id, { stop: request.stop })) ?? [];
    const moves = planned
      .slice(0, mostPreviewed)
      .map(({ vmId, owner, ...rest }) => ({ vmId, ...tenantOf(owner), ...rest }));
    const movable = planned.filter(({ targetHostId }) => targetHostId !== undefined).length;
    return create(DrainPreviewSchema, { machines: planned.length, movable, moves });
  },
};

function tenantOf(owner: string) {
  const [orgId = "", projectId = ""] = owner.split("/");
  return { orgId, projectId };
}

/** As a host's outputs name a machine. */
export function named({ vmId, owner }: Whose, reason: string): HostMachine {
  return create(HostMachineSchema, { vmId, ...tenantOf(owner), reason });
}

export async function ensureDrained(context: Context): Promise<NotYet | void> {
  const { resource, drivers } = context;
  const { drainOrder } = resource;
  const { places } = drivers;
  if (places === undefined || drainOrder === undefined) return;
  if (drainOrder.aborted) return abort(context, places);
  const machines = await places.machinesOn(resource.id);
  const moving = machines.filter(({ move }) => move === "ordered" || move === "under way");
  const blocked = machines.filter((machine) => isBlocked(machine, context.now));
  const next = machines.filter((machine) => machine.move === undefined && !blocked.includes(machine));
  const begun = next.slice(0, Math.max(0, drainOrder.parallel - moving.length));
  for (const machine of begun) await places.orderMove(machine, { hostId: resource.id, stop: drainOrder.stop });
  return tell(context, machines, moving.length + begun.length, blocked);
}

function isBlocked({ move, failed }: PlacedMachine, now: number): boolean {
  return move === undefined && failed !== undefined && now - failed.at < retryMs;
}

function tell(
  { resource, now, observe }: Context,
  machines: readonly PlacedMachine[],
  moving: number,
  blocked: readonly PlacedMachine[],
): NotYet | void {
  const { number, startTime, moved } = begunBy(resource, machines.length, now);
  const isDone = machines.length === 0;
  const wasDone = resource.drain?.phase === HostDrainPhase.DRAINED && resource.drain.number === number;
  if (isDone && wasDone) return;
  const phase = isDone ? HostDrainPhase.DRAINED : HostDrainPhase.DRAINING;
  const words = blocked.slice(0, mostNamed).map((machine) => named(machine, machine.failed?.reason ?? ""));
  const endTime = isDone ? { endTime: timestampFromMs(now) } : {};
  observe({
    drain: create(HostDrainSchema, {
      number,
      startTime,
      moved,
      phase,
      left: machines.length,
      moving,
      blocked: words,
      ...endTime,
    }),
  });
  if (isDone) return;
  return { againMs, reason: "Draining", message: `${machines.length} machines are left`, keepsReady: true };
}

/** What the drain has come to so far: what is not there any more has gone. */
function begunBy({ drain, drainOrder }: Host, left: number, now: number) {
  const number = drainOrder?.number ?? 0;
  const isNew = drain?.number !== number || drain.startTime === undefined;
  const total = isNew ? left : drain.moved + drain.left;
  return {
    number,
    moved: Math.max(0, total - left),
    startTime: isNew ? timestampFromMs(now) : (drain.startTime ?? timestampFromMs(now)),
  };
}

async function abort({ resource, now, observe }: Context, places: Places): Promise<void> {
  const { drain, drainOrder } = resource;
  if (drain?.number === drainOrder?.number && drain?.phase === HostDrainPhase.ABORTED) return;
  await places.cancelMoves(resource.id);
  const { number, startTime, moved } = begunBy(resource, drain?.left ?? 0, now);
  const endTime = timestampFromMs(now);
  const left = drain?.left ?? 0;
  observe({
    drain: create(HostDrainSchema, { number, startTime, moved, left, endTime, phase: HostDrainPhase.ABORTED }),
  });
}
