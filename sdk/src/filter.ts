// Writes list filters.
import { snakeCase } from "@photoncloud/proto";

/** What a list may be narrowed by: terms that all must hold. Keys are field names in camelCase; nested ones by dots. */
export type Filter = Readonly<Record<string, string | number | boolean | undefined>>;

/** { name: "web", vpcId: "vpc-1" } → name = "web" AND vpc_id = "vpc-1". A string is taken as it is. */
export function filterText(filter: string | Filter | undefined): string {
  if (filter === undefined || typeof filter === "string") return filter ?? "";
  return Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${snakeCase(key)} = ${JSON.stringify(String(value))}`)
    .join(" AND ");
}
