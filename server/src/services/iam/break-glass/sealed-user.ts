// Keeps the sealed administrator sealed: nobody makes it, gives it a credential, or shuts it out.
import type { User } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { Fault } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import type { Identity } from "../principal-name.ts";
import { isSealed } from "./state.ts";

/** @throws Fault BUILT_IN for anyone but the cloud itself. */
export function refuseSealed(admission: Admission, user: Identity, next: User, prior: unknown): void {
  if (!isSealed(user) || admission.caller.principal === undefined) return;
  const credential = next.password !== undefined || next.federatedSubject !== undefined || next.userName !== undefined;
  if (prior === undefined || credential || next.disabled === true)
    throw new Fault(
      "BUILT_IN",
      `${user.id} is the sealed administrator: it is opened by a break-glass, and by nothing else`,
    );
}
