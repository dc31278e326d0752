// What lets people at a machine itself has in common: its kind, what is written down of it, and a driver's refusal in the caller's words.
import { catalog, type Kind } from "@photoncloud/proto";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../backends/driver-error.ts";
import { Fault } from "../../fault.ts";
import type { Tenant } from "../../store/store.ts";
import type { AuditEvent } from "../events/index.ts";
import type { Caller } from "../kind.ts";

/** One machine of a tenant. */
export interface TenantMachine {
  readonly tenant: Tenant;
  readonly vmId: string;
}

export function vmKind(): Kind {
  const kind = catalog().byTypeName(VmSchema.typeName);
  if (kind === undefined) throw new Error(`${VmSchema.typeName} is no kind of the catalog`);
  return kind;
}

/** Somebody looked at a machine. @param permission as the method is annotated */
export function accessOf({ tenant, vmId }: TenantMachine, permission: string, caller: Caller): AuditEvent {
  const { principal, sourceIp, requestId, method, decidedBy = "" } = caller;
  const by = { principal, sourceIp, requestId, method, decidedBy };
  return { type: "accessed", tenant, kind: VmSchema.typeName, id: vmId, caller: by, permission };
}

const reasons = {
  missing: "WRONG_STATE",
  refused: "WRONG_STATE",
  in_use: "TOO_MANY_REQUESTS",
  unavailable: "BACKEND_UNAVAILABLE",
} as const;

/** A driver's refusal, as the caller is told of it. */
export function toFault(error: unknown): unknown {
  if (!(error instanceof DriverError)) return error;
  return new Fault(reasons[error.reason], error.message, { cause: error });
}
