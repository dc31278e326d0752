// A flow log: a meter that bounds what hosts tell, and the rules that tell through it.
import type { FlowLogSpec } from "../../driver.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { type LogMeter, logColumns, meterOf, metersOf } from "./logging.ts";
import type { Compiled, Patch, View } from "./row.ts";
import { rowUuid } from "./uuids.ts";

/** Lines a second, of each rule on each host: enough to see each new connection of a usual port, little enough for the host's log. */
const rate = 100;

export function compileFlowLog(object: FlowLogSpec, view: View): Compiled {
  const band = rowUuid(object, "band");
  const own = meterOf(object);
  const others = metersOf(view, object.owner).filter(({ name }) => name !== own.name);
  const meters = [...others, own].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    rows: [
      {
        table: "Meter",
        uuid: rowUuid(object),
        columns: {
          name: own.name,
          unit: "pktps",
          fair: true,
          bands: new Set([band]),
          external_ids: mainMarksOf(object, { verdicts: object.verdicts }),
        },
        memberOf: [],
      },
      {
        table: "Meter_Band",
        uuid: band,
        columns: { action: "drop", rate, burst_size: 0, external_ids: marksOf(object) },
        memberOf: [],
      },
    ],
    patches: logPatches(object.owner, meters, view),
  };
}

/** The rules of a tenant that may be logged, as they should be with these flow logs. */
function logPatches(tenant: string, meters: readonly LogMeter[], view: View): Patch[] {
  return view.rowsWith("ACL", "photon:tenant", tenant).flatMap(({ uuid, row }) => {
    const marks = row.external_ids;
    const verdict = marks instanceof Map ? marks.get("photon:verdict") : undefined;
    const vpcId = marks instanceof Map ? marks.get("photon:vpc") : undefined;
    if (typeof vpcId !== "string" || (verdict !== "allowed" && verdict !== "dropped")) return [];
    const rule = { tenant, vpcId, verdict } as const;
    return [{ table: "ACL" as const, uuid, columns: { ...logColumns(rule, meters) } }];
  });
}

/** What removing a flow log leaves to be mended: its rules must not name its meter any more. */
export function afterFlowLog(id: string, view: View): readonly Patch[] {
  const meter = view.rowsWith("Meter", "photon:id", id)[0];
  const tenant = meter?.row.external_ids instanceof Map ? meter.row.external_ids.get("photon:tenant") : undefined;
  if (typeof tenant !== "string") return [];
  const others = metersOf(view, tenant).filter(({ name }) => name !== meter?.row.name);
  return logPatches(tenant, others, view);
}
