// Rows of the table Logical_Switch_Port.
import type { Row } from "../ovsdb/database.ts";
import type { ExternalIds } from "./external-ids.ts";
import { inSet } from "./members.ts";
import type { Membership, WantedRow } from "./row.ts";

export interface SwitchPort {
  readonly uuid: string;
  readonly name: string;
  /** The switch that it is of. */
  readonly switchUuid: string;
  /** What OVN does with it; "": a guest's. */
  readonly type: "" | "router" | "localport" | "localnet";
  readonly addresses: readonly string[];
  readonly options?: ReadonlyMap<string, string>;
  readonly marks: ExternalIds;
  /** Columns that are not as they usually are. */
  readonly more?: Row;
  readonly groups?: readonly Membership[];
}

/** All the columns that are ours, whatever the type: so a row that someone else changed is seen. */
export function switchPortRow(port: SwitchPort): WantedRow {
  return {
    table: "Logical_Switch_Port",
    uuid: port.uuid,
    columns: {
      name: port.name,
      type: port.type,
      addresses: new Set(port.addresses),
      port_security: new Set(),
      enabled: true,
      options: port.options ?? new Map(),
      tag_request: undefined,
      dhcpv4_options: undefined,
      dhcpv6_options: undefined,
      external_ids: port.marks,
      ...port.more,
    },
    memberOf: [inSet("Logical_Switch", port.switchUuid, "ports"), ...(port.groups ?? [])],
  };
}
