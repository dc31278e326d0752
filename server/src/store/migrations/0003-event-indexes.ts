// The log is asked by org, actor, refusal and time without reading all of it; and one event may stand for many of its sort.
import type { Dialect } from "../sql/dialect.ts";

/** What refused something, as the indexes of refusals and whoever reads by them must write it. */
export const refusedCondition = "type IN ('denied', 'login_failed')";

export function eventIndexes({ name, integer }: Dialect): readonly string[] {
  const order = name === "sqlite" ? "seq" : "xid, seq";
  return [
    `ALTER TABLE events ADD COLUMN times ${integer} NOT NULL DEFAULT 1`,
    `CREATE INDEX events_by_org ON events (org, ${order})`,
    `CREATE INDEX events_by_actor ON events (actor, ${order})`,
    `CREATE INDEX events_by_time ON events (time, ${order})`,
    `CREATE INDEX events_refused ON events (${order}) WHERE ${refusedCondition}`,
    `CREATE INDEX events_refused_by_org ON events (org, ${order}) WHERE ${refusedCondition}`,
  ];
}
