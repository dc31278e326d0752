// A subnet's switch.
import type { SwitchSpec } from "../../driver.ts";
import { mainMarksOf } from "./external-ids.ts";
import { switchName } from "./names.ts";
import type { Compiled } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function compileSwitch(object: SwitchSpec): Compiled {
  const columns = { name: switchName(object.id), other_config: new Map(), external_ids: mainMarksOf(object) };
  return { rows: [{ table: "Logical_Switch", uuid: rowUuid(object), columns, memberOf: [] }], patches: [] };
}
