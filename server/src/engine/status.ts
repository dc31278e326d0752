// What the cloud says of a resource's progress: derived from what is stored, so that accepting a request writes no status of its own.
import { create } from "@bufbuild/protobuf";
import { State, type Status, StatusSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { ResourceRow } from "../store/store.ts";

/** Two failures are often a backend that restarts; a tenant whose tool gives up at FAILED should not meet those. */
export const failuresUntilFailed = 3;

/** A resource that is as asked for. */
export function readyStatus(version: number, backend: string): Status {
  return create(StatusSchema, { state: State.READY, backend, observedVersion: BigInt(version) });
}

/**
 * The status as it should be shown now: the stored one while it speaks of the resource's present version and phase; CREATING, UPDATING or
 * DELETING when the engine has not come to it yet.
 */
export function currentStatus(row: Pick<ResourceRow, "phase" | "version">, stored: Status | undefined): Status {
  const known = stored ?? create(StatusSchema);
  if (known.state !== State.UNSPECIFIED && known.observedVersion >= BigInt(row.version)) return known;
  const { backend, observedVersion } = known;
  return create(StatusSchema, { state: unsettledState(row, known.state), backend, observedVersion });
}

function unsettledState(row: Pick<ResourceRow, "phase">, prior: State): State {
  if (row.phase === "deleting") return State.DELETING;
  return prior === State.UNSPECIFIED || prior === State.CREATING ? State.CREATING : State.UPDATING;
}

/** Whether others may build on the resource: it is as asked for. */
export function isReady(row: ResourceRow, stored: Status | undefined): boolean {
  return row.phase === "live" && currentStatus(row, stored).state === State.READY;
}

/** Why a resource is not as asked for, in words for its tenant. */
export interface Hindrance {
  readonly reason: string;
  readonly message: string;
}

/** The status of a resource on which work goes on: it waits for another, or a backend takes its time. */
export function pendingStatus(
  row: ResourceRow,
  stored: Status | undefined,
  options: { readonly hindrance: Hindrance; readonly failures: number; readonly backend: string },
): Status {
  const now = currentStatus(row, stored);
  // After failures the failure is what a tenant needs to read, not that it is being tried again.
  if (options.failures > 0 && now.reason !== "") return now;
  const state = now.state === State.READY || now.state === State.FAILED ? unsettledState(row, now.state) : now.state;
  return statusWith(state, row, options);
}

/** The status after a failure; a resource that was ready stays so until the failure proves to last. */
export function failedStatus(
  row: ResourceRow,
  stored: Status | undefined,
  options: { readonly hindrance: Hindrance; readonly failures: number; readonly backend: string },
): Status {
  const now = currentStatus(row, stored);
  if (row.phase === "deleting") return statusWith(State.DELETING, row, options);
  if (options.failures >= failuresUntilFailed) return statusWith(State.FAILED, row, options);
  return now.state === State.READY ? now : statusWith(now.state, row, options);
}

/** The status after a failure that no later try would mend. */
export function refusedStatus(
  row: ResourceRow,
  options: { readonly hindrance: Hindrance; readonly backend: string },
): Status {
  return statusWith(State.FAILED, row, options);
}

function statusWith(
  state: State,
  row: ResourceRow,
  options: { readonly hindrance: Hindrance; readonly backend: string },
): Status {
  const { reason, message } = options.hindrance;
  const observedVersion = BigInt(row.version);
  return create(StatusSchema, { state, reason, message, backend: options.backend, observedVersion });
}
