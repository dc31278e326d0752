// A network beyond the cloud: a switch with the wire in it. Gateways of VPCs are its other ports.
import type { ExternalNetworkSpec } from "../../driver.ts";
import { checkedName, checkedNumber } from "./checked.ts";
import { mainMarksOf, marksOf, placeholderMarks } from "./external-ids.ts";
import { switchPortRow } from "./lsp.ts";
import { externalSwitchName, gatewayGroupName, wirePortName } from "./names.ts";
import type { Compiled, WantedRow } from "./row.ts";
import { gatewayGroupUuid, rowUuid } from "./uuids.ts";

/** A broadcast from the wire for an address of no router reaches no router: else each would cost as many packets as there are VPCs. */
const otherConfig = new Map([["broadcast-arps-to-all-routers", "false"]]);

export function compileExternalNetwork(object: ExternalNetworkSpec): Compiled {
  const wires: WantedRow = {
    table: "Logical_Switch",
    uuid: rowUuid(object),
    columns: { name: externalSwitchName(object.id), other_config: otherConfig, external_ids: mainMarksOf(object) },
    memberOf: [],
  };
  return { rows: [wires, wire(object), gatewayGroup(object.id)], patches: [] };
}

function wire(object: ExternalNetworkSpec): WantedRow {
  return switchPortRow({
    uuid: rowUuid(object, "wire"),
    name: wirePortName(object.id),
    switchUuid: rowUuid(object),
    type: "localnet",
    addresses: ["unknown"],
    options: new Map([["network_name", checkedName(object.physicalNetwork)]]),
    marks: marksOf(object),
    more: { tag_request: object.vlanId === undefined ? undefined : checkedNumber(object.vlanId, 1, 4094) },
  });
}

/** The hosts that may be its gateways. Which ones, the driver's keeper of gateways says; until then there are none. */
export function gatewayGroup(externalNetworkId: string): WantedRow {
  const marks = placeholderMarks({ type: "external-network", id: externalNetworkId });
  return {
    table: "HA_Chassis_Group",
    uuid: gatewayGroupUuid(externalNetworkId),
    columns: { name: gatewayGroupName(externalNetworkId), external_ids: marks },
    memberOf: [],
    placeholder: true,
  };
}
