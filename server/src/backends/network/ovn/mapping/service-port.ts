// Where the cloud's own services answer in a subnet: a port that every host has for itself (localport), and the rules that let guests ask.
import { metadataAddresses, type ServicePortSpec } from "../../driver.ts";
import { addressOf, checkedMac, type Family, familyOf } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { switchPortRow } from "./lsp.ts";
import { all, among, ports } from "./match.ts";
import { servicePortName } from "./names.ts";
import { platformAcl } from "./router.ts";
import type { Compiled, WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function compileServicePort(object: ServicePortSpec): Compiled {
  const addresses = object.addresses.map(addressOf);
  const port = switchPortRow({
    uuid: rowUuid(object),
    name: servicePortName(object.id),
    switchUuid: rowUuid({ type: "switch", id: object.id }),
    type: "localport",
    addresses: [[checkedMac(object.macAddress), ...addresses, ...metadataAddresses].join(" ")],
    marks: mainMarksOf(object),
  });
  return { rows: [port, ...names(object, [...addresses, ...metadataAddresses])], patches: [] };
}

/** Names are asked for over UDP and TCP, of either family. */
function names(object: ServicePortSpec, addresses: readonly string[]): WantedRow[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = addresses.filter((address) => familyOf(address) === family);
    return own.length === 0 ? [] : (["udp", "tcp"] as const).map((protocol) => nameRow(object, protocol, family, own));
  });
}

function nameRow(
  object: ServicePortSpec,
  protocol: "udp" | "tcp",
  family: Family,
  addresses: readonly string[],
): WantedRow {
  const rule = `names ${protocol} ip${family}`;
  return platformAcl({
    uuid: rowUuid(object, rule),
    vpcId: object.vpcId,
    match: all(among("dst", family, addresses), ports(protocol, "dst", { first: 53, last: 53 })),
    marks: marksOf(object, { rule }),
  });
}
