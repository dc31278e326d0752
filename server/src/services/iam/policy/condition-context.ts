// What a condition sees of a call.

import type { ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { type ConditionContext, durationOf } from "./condition.ts";

export interface Seen {
  readonly principal: Principal;
  readonly groups: readonly string[];
  readonly path: ResourcePath;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly sourceIp: string;
  /** "prismnet.v1.VpcService/CreateVpc"; undefined: nobody calls, it is only asked about. */
  readonly method: string | undefined;
}

/** The attributes "labels.env" show as resource.labels.env; the path's own parts can't be overwritten. */
export function conditionContext({
  principal,
  groups,
  path,
  attributes,
  now,
  sourceIp,
  method,
}: Seen): ConditionContext {
  const labels: [string, string][] = [];
  const own: [string, unknown][] = [];
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("labels.")) labels.push([name.slice("labels.".length), value]);
    else own.push([name, value]);
  const { org, project, type, id } = path;
  return {
    principal: {
      id: principal.id,
      kind: principal.kind,
      org_id: principal.org,
      project_id: principal.project,
      groups,
      ...(principal.mfaAt !== undefined && { mfa_age: durationOf(Math.max(0, now - principal.mfaAt)) }),
    },
    resource: {
      ...Object.fromEntries(own),
      labels: Object.fromEntries(labels),
      org_id: org,
      project_id: project,
      type,
      id,
    },
    request: { time: new Date(now), source_ip: sourceIp, ...(method !== undefined && { method }) },
  };
}
