// The sealed administrator, and when a break-glass opens it.
import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import type { ResourceRow } from "../../../store/store.ts";
import { systemOrg } from "../ids.ts";
import type { Identity } from "../principal-name.ts";

/** It has no credential, and is given none. */
export const sealedAdmin: Identity = { kind: "user", org: systemOrg, id: "break-glass" };

export function isSealed({ kind, org, id }: Identity): boolean {
  return kind === sealedAdmin.kind && org === sealedAdmin.org && id === sealedAdmin.id;
}

/** What is stored of a break-glass, with what was observed of it. */
export function glassOf(row: ResourceRow) {
  const asked = fromBinary(BreakGlassSchema, row.data);
  const { state, approvedBy, expireTime } = fromBinary(BreakGlassSchema, row.observed);
  return { ...asked, state, approvedBy, expiresAt: expireTime === undefined ? 0 : timestampMs(expireTime) };
}

/** Whether sessions that it opened are good. */
export function isOpen(row: ResourceRow, now: number): boolean {
  const { state, expiresAt } = glassOf(row);
  return row.phase === "live" && state === BreakGlassState.OPENED && expiresAt > now;
}
