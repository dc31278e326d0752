// Says loudly, on every server, what becomes of the glass.
import { fromBinary } from "@bufbuild/protobuf";
import { BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import type { StoredEvent } from "../../../store/store.ts";
import type { Sessions } from "../tokens/sessions.ts";

/** Told what happened, in fields and in a sentence; written at level error. */
export type Alarm = (fields: Readonly<Record<string, string>>, message: string) => void;

const words: Readonly<Record<BreakGlassState, string>> = {
  [BreakGlassState.UNSPECIFIED]: "changed",
  [BreakGlassState.REQUESTED]: "requested",
  [BreakGlassState.APPROVED]: "approved: the sealed administrator can be opened",
  [BreakGlassState.OPENED]: "opened: the sealed administrator is at work",
  [BreakGlassState.ENDED]: "ended: the administrator is sealed again",
};

function soundAlarm(event: StoredEvent, alarm: Alarm): void {
  const { reason, state, requestedBy, approvedBy } = fromBinary(BreakGlassSchema, event.resource);
  const what = event.type === "deleted" ? "deleted" : words[state];
  const { id, actor, sourceIp, requestId } = event;
  const who = { requested_by: requestedBy, approved_by: approvedBy, actor, source_ip: sourceIp, request_id: requestId };
  alarm({ break_glass: id, reason, ...who }, `break-glass ${what}`);
}

/** Passes on what the log tells, and heeds what it tells of the glass: a session that it opened may be over. */
export function breakGlassNews(
  sessions: Sessions,
  alarm: Alarm | undefined,
  next: (event: StoredEvent) => Promise<void>,
): (event: StoredEvent) => Promise<void> {
  return async (event) => {
    if (event.kind !== BreakGlassSchema.typeName) return next(event);
    if (event.type === "accessed") return;
    if (alarm !== undefined) soundAlarm(event, alarm);
    await sessions.allChanged();
  };
}
