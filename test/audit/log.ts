// Reads the event log as any client would.
import { call, isJson, type Json } from "../isolation/calls.ts";

export interface Asked {
  readonly org_id?: string;
  readonly project_id?: string;
}

/** Every event that a token shows of a scope. @throws Error if it is refused */
export async function eventsOf(url: string, scope: Asked, bearer: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let cursor = ""; ; ) {
    const request = { ...scope, page_size: 1000, cursor };
    const answer = await call(url, "chainfire.v1.EventService/ListEvents", request, bearer);
    if (answer.code !== "ok") throw new Error(`ListEvents answered ${answer.text}`);
    const events = Array.isArray(answer.body.events) ? answer.body.events.filter(isJson) : [];
    found.push(...events);
    if (events.length === 0) return found;
    cursor = String(answer.body.nextCursor ?? "");
  }
}
