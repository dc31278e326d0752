// Hosts: the machines that run virtual machines. What is known of one is told by its agent (watcher.ts); the operator says whether it takes new
// machines, and when it is off for good.
import { type Host, HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { Fault } from "../../../fault.ts";
import { defineKind } from "../../kind.ts";
import { abortDrain, drainHost, previewDrain } from "./drain.ts";
import { evacuateHost } from "./evacuation.ts";
import { hostReconciler } from "./kind.steps.ts";
import { notJoined } from "./report.ts";

/** The host that the server itself runs on has no agent. */
export function isOwn({ address, state }: Host): boolean {
  return address === "" && state === HostState.READY;
}

/** @throws Fault WRONG_STATE for the server's own host, and for one that answers: what is made anew of its machines would run twice. */
async function fence(host: Host): Promise<void> {
  if (isOwn(host)) throw new Fault("WRONG_STATE", `the server itself runs on host ${host.id}, so that it can't be off`);
  if (host.state === HostState.READY)
    throw new Fault(
      "WRONG_STATE",
      `host ${host.id} answers, so that its machines run: drain it; or switch it off, and fence it when it is silent; if it was broken into, expel it`,
    );
  shutOut(host, "It was said to be off; it comes back by joining anew.");
}

/** @throws Fault WRONG_STATE for the server's own host. */
async function expel(host: Host): Promise<void> {
  if (isOwn(host)) throw new Fault("WRONG_STATE", `the server itself runs on host ${host.id}, which can't be expelled`);
  shutOut(host, "It was expelled, and its machines may run there yet; it comes back by joining anew.");
}

/** From here on its agent is a stranger. */
function shutOut(host: Host, stateReason: string): void {
  Object.assign(host, { state: HostState.FENCED, stateReason, certificates: [] });
}

/** @throws Fault WRONG_STATE while machines may run there: nobody would know of them any more. */
function checkEmpty(host: Host): void {
  if (isOwn(host)) throw new Fault("WRONG_STATE", `the server itself runs on host ${host.id}; it stays`);
  const isOff = host.state === HostState.FENCED;
  const machines = Math.max(host.promised?.machines ?? 0, isOff ? 0 : host.machines);
  if (machines === 0) return;
  const advice = isOff
    ? "they wait for it: evacuate it, and delete those that are left"
    : "drain it or delete them first, or fence it if it is off for good";
  throw new Fault("WRONG_STATE", `host ${host.id} has ${machines} machines; ${advice}`);
}

export const hostKind = defineKind({
  schema: HostSchema,
  uniqueName: "none",
  async admit(_, next, prior) {
    next.schedulable ??= true;
    if (prior === undefined) Object.assign(next, { state: HostState.JOINING, stateReason: notJoined });
  },
  async admitDelete(_, { message }) {
    checkEmpty(message);
  },
  methods: {
    FenceHost: { update: fence },
    ExpelHost: { update: expel },
    DrainHost: drainHost,
    AbortDrain: abortDrain,
    EvacuateHost: evacuateHost,
  },
  queries: { PreviewDrain: previewDrain },
  reconciler: hostReconciler,
});
