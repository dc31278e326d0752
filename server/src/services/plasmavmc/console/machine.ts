// What the console's parts know of machines: their kind, the permission, what is written down, and a driver's refusal in the caller's words.
import { catalog, type Kind } from "@photoncloud/proto";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { Fault } from "../../../fault.ts";
import type { AuditEvent } from "../../events/index.ts";
import type { Caller } from "../../kind.ts";
import type { Ticket } from "./tickets.ts";

/** As console.proto annotates its methods. */
export const consolePermission = "compute:vms:console";

export function vmKind(): Kind {
  const kind = catalog().byTypeName(VmSchema.typeName);
  if (kind === undefined) throw new Error(`${VmSchema.typeName} is no kind of the catalog`);
  return kind;
}

/** Somebody looked at a machine. */
export function accessOf({ tenant, vmId }: Pick<Ticket, "tenant" | "vmId">, caller: Caller): AuditEvent {
  const { principal, sourceIp, requestId, method, decidedBy = "" } = caller;
  const by = { principal, sourceIp, requestId, method, decidedBy };
  return { type: "accessed", tenant, kind: VmSchema.typeName, id: vmId, caller: by, permission: consolePermission };
}

/** A driver's refusal, as the caller is told of it. */
export function toFault(error: unknown): unknown {
  if (!(error instanceof DriverError)) return error;
  const reason = error.reason === "unavailable" ? "BACKEND_UNAVAILABLE" : "WRONG_STATE";
  return new Fault(reason, error.message, { cause: error });
}
