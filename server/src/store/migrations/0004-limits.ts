// Resources say how much of what they take, and some of them limit what there may be of it. Both are found without reading other rows.
import type { Dialect } from "../sql/dialect.ts";

export function limits({ json }: Dialect): readonly string[] {
  return [
    `ALTER TABLE resources ADD COLUMN amounts ${json}`,
    `ALTER TABLE resources ADD COLUMN limits ${json}`,
    "CREATE INDEX resources_with_amounts ON resources (org, project, amounts) WHERE amounts IS NOT NULL",
    "CREATE INDEX resources_with_limits ON resources (org, project) WHERE limits IS NOT NULL",
  ];
}
