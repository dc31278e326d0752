// Makes a step of what a driver does: a driver's refusal becomes a failure that the tenant may read.
import type { DescMessage } from "@bufbuild/protobuf";
import { DriverError, type DriverReason } from "../backends/driver-error.ts";
import type { Drivers } from "../backends/drivers.ts";
import { type NotYet, type Step, type StepContext, StepError } from "../engine/reconciler.ts";
import type { Tenant } from "../store/store.ts";

/** The hands of a step of a kind that drivers make. */
export type DriverContext<Desc extends DescMessage> = StepContext<Desc, Drivers>;

/** The stable words that a status gives as its reason. */
const statusReasons: Readonly<Record<DriverReason, string>> = {
  missing: "BackendNotReady",
  in_use: "BackendInUse",
  refused: "BackendRefused",
  unavailable: "BackendUnavailable",
};

/** What a tenant may read of a driver's failure; anything else stays what it is. */
function toStepError(error: unknown): unknown {
  if (!(error instanceof DriverError)) return error;
  return new StepError(error.status ?? statusReasons[error.reason], error.message, { cause: error });
}

/** One step over the drivers. */
export function driverStep<Desc extends DescMessage>(step: Step<Desc, Drivers>): Step<Desc, Drivers> {
  const readable = async (work: Promise<NotYet | void>): Promise<NotYet | void> => {
    try {
      return await work;
    } catch (error) {
      throw toStepError(error);
    }
  };
  return {
    name: step.name,
    ensure: (context) => readable(step.ensure(context)),
    remove: (context) => readable(step.remove(context)),
  };
}

/** {org}/{project}, as backends are told who owns something; "" for the whole system's. */
export function ownerOf(tenant: Tenant): string {
  return tenant.org === "" ? "" : `${tenant.org}/${tenant.project}`;
}
