// Says in a plan what a change does to what is there, where Terraform itself shows an update like any other: a restart, or a loss of data.
import type { Attribute } from "./attribute.ts";
import { attributePath } from "./attribute-path.ts";
import type { PlannedChange } from "./cloud.ts";
import type { ValueMap } from "./cty/value.ts";
import { type Diagnostic, dataLossConsent } from "./diagnostics.ts";
import { lost } from "./lost.ts";
import { valueAt } from "./walk.ts";

export interface Update {
  readonly attributes: readonly Attribute[];
  readonly prior: ValueMap;
  readonly planned: ValueMap;
  readonly config: ValueMap;
  /** For messages: "vm web". */
  readonly what: string;
  /** Whether what loses data is a warning alone. */
  readonly allowsDataLoss: boolean;
}

const pathsWith = (changes: readonly PlannedChange[], impact: string): readonly string[] =>
  changes.filter((one) => one.impact === impact).map(({ path }) => path);

export function impacts(update: Update, changes: readonly PlannedChange[]): readonly Diagnostic[] {
  return [
    ...restart(update, pathsWith(changes, "IMPACT_RESTART")),
    ...pathsWith(changes, "IMPACT_DATA_LOSS").map((path) => dataLoss(update, path)),
  ];
}

/** One for all that restarts it, at what the user wrote of it. */
function restart({ attributes, config, what }: Update, paths: readonly string[]): readonly Diagnostic[] {
  const isWritten = (path: string): boolean => valueAt(config, attributePath(attributes, path)) !== null;
  const [first, ...rest] = [...paths].sort((a, b) => Number(isWritten(b)) - Number(isWritten(a)));
  if (first === undefined) return [];
  const also = rest.length === 0 ? "" : `, once, also for ${rest.join(", ")}`;
  const detail = `${what} is stopped and started again${also}.`;
  return [{ severity: "warning", summary: "This change restarts it", path: attributePath(attributes, first), detail }];
}

/** An error until somebody says that it may be: Terraform shows an update in place, and applies it unseen with -auto-approve. */
function dataLoss({ attributes, prior, planned, what, allowsDataLoss }: Update, at: string): Diagnostic {
  const path = attributePath(attributes, at);
  const gone = lost(attributes, path, prior, planned);
  const told = `This change of ${what} destroys data that nothing brings back.${gone === "" ? "" : ` Lost: ${gone}.`}`;
  const summary = "This change loses data";
  if (allowsDataLoss) return { severity: "warning", summary, path, detail: told };
  return { severity: "error", summary, path, detail: `${told}\n\nIt is not made. ${dataLossConsent}` };
}
