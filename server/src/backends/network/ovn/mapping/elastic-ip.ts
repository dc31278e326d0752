// 1:1 NAT of an external address to a port, on the gateway host.
import { DriverError } from "../../../driver-error.ts";
import type { ElasticIpSpec } from "../../driver.ts";
import { checkedAddress, familyOf } from "./checked.ts";
import { mainMarksOf } from "./external-ids.ts";
import { inSet } from "./members.ts";
import type { Compiled } from "./row.ts";
import { rowUuid } from "./uuids.ts";

/**
 * Without connection tracking: addresses are rewritten packet by packet, so that a moved address is at its new port at once, also for
 * connections that go on. Tracked, those would still reach the old port.
 */
const options = new Map([["stateless", "true"]]);

export function compileElasticIp(object: ElasticIpSpec): Compiled {
  if (familyOf(object.address) !== familyOf(object.portAddress))
    throw new DriverError(
      "refused",
      `${object.address} can't lead to ${object.portAddress}, which is of the other family`,
    );
  const columns = {
    type: "dnat_and_snat",
    external_ip: checkedAddress(object.address),
    logical_ip: checkedAddress(object.portAddress),
    options,
    external_ids: mainMarksOf(object, { port: object.portId }),
  };
  const memberOf = [inSet("Logical_Router", rowUuid({ type: "router", id: object.vpcId }), "nat")];
  return { rows: [{ table: "NAT", uuid: rowUuid(object), columns, memberOf }], patches: [] };
}
