// Which filter rules the hosts write flows down for: those of a flow log's VPC.
import type { FlowLogSpec } from "../../driver.ts";
import { meterName } from "./names.ts";
import type { View } from "./row.ts";

type Verdict = "allowed" | "dropped";

/** A flow log that is there, as far as it matters to a rule. */
export interface LogMeter {
  readonly name: string;
  readonly tenant: string;
  readonly vpcId: string;
  readonly verdicts: string;
}

/** What decides whether a rule is logged. */
export interface Loggable {
  readonly tenant: string;
  readonly vpcId: string;
  readonly verdict: Verdict;
}

/** The columns of a rule that say whether it is logged. */
export interface LogColumns {
  readonly log: boolean;
  readonly severity: string | undefined;
  readonly meter: string | undefined;
}

/** The columns of a rule that is never logged. */
export const silent: LogColumns = { log: false, severity: undefined, meter: undefined };

/** The flow logs of a tenant that are there, in order. */
export function metersOf(view: View, tenant: string): readonly LogMeter[] {
  const text = (ids: unknown, key: string) => (ids instanceof Map ? String(ids.get(key) ?? "") : "");
  return view
    .rowsWith("Meter", "photon:tenant", tenant)
    .map(({ row }) => ({
      name: String(row.name),
      tenant,
      vpcId: text(row.external_ids, "photon:vpc"),
      verdicts: text(row.external_ids, "photon:verdicts"),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A flow log's own. */
export function meterOf(object: FlowLogSpec): LogMeter {
  return { name: meterName(object.id), tenant: object.owner, vpcId: object.vpcId, verdicts: object.verdicts };
}

/** How a rule is logged: through the first flow log that wants it. */
export function logColumns(rule: Loggable, meters: readonly LogMeter[]): LogColumns {
  const wants = ({ tenant, vpcId, verdicts }: LogMeter) =>
    tenant === rule.tenant && rule.vpcId === vpcId && (verdicts === "all" || verdicts === rule.verdict);
  const meter = meters.find(wants);
  return meter === undefined ? silent : { log: true, severity: "info", meter: meter.name };
}
