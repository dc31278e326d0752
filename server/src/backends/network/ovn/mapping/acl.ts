// Rows of the table ACL: a group's rules.

import type { ExternalIds } from "./external-ids.ts";
import { type LogColumns, silent } from "./logging.ts";
import type { Match } from "./match.ts";
import { inSet } from "./members.ts";
import type { WantedRow } from "./row.ts";

/** OVN's words: packets from a port ("from-lport") and to it. */
export const directions = {
  egress: { direction: "from-lport", lport: "inport", far: "dst" },
  ingress: { direction: "to-lport", lport: "outport", far: "src" },
} as const;

/** A rule beats the default drop. */
const priorities = { drop: 1001, allow: 1002 } as const;

export interface Acl {
  readonly uuid: string;
  /** The group that it is in. */
  readonly group: string;
  readonly direction: "ingress" | "egress";
  readonly match: Match;
  readonly action: "drop" | "allow";
  readonly marks: ExternalIds;
  /** Default: never logged. */
  readonly logged?: LogColumns;
}

/** The row of a rule; named by its UUID, which is what a host's log line says. What it allows is allowed back too. */
export function aclRow({ uuid, group, direction, match, action, marks, logged = silent }: Acl): WantedRow {
  return {
    table: "ACL",
    uuid,
    columns: {
      name: uuid,
      priority: priorities[action],
      direction: directions[direction].direction,
      match,
      action: action === "allow" ? "allow-related" : "drop",
      ...logged,
      external_ids: marks,
    },
    memberOf: [inSet("Port_Group", group, "acls")],
  };
}
