// Appends to the log.
import { keyValues } from "../sql/key.ts";
import { command, type Script } from "../sql/script.ts";
import type { Plan } from "./plan.ts";

export function* appendEvents(plan: Plan): Script<void> {
  for (const event of plan.events) {
    yield* command(
      `INSERT INTO events (kind, org, project, id, type, version, time, actor, source_ip, request_id, method, permission,
         session_id, credential, decided_by, times, resource)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
      ...keyValues(event),
      event.type,
      event.version,
      plan.now,
      event.actor,
      event.sourceIp,
      event.requestId,
      event.method,
      event.permission,
      event.sessionId ?? "",
      event.credential ?? "",
      event.decidedBy ?? "",
      event.times ?? 1,
      event.resource,
    );
  }
}
