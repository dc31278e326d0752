// The schema of a kind's plural data source: what it is narrowed by, as lists are, and all that it finds.
import type { KindFacts as Kind } from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { listSchema } from "../list/filter.ts";
import { integer, plain } from "../scalar.ts";
import { checkedSchema, dataSourceSchema, type KindSchema } from "../schema.ts";

const own: Omit<Attribute, "name" | "shape" | "description"> = {
  required: false,
  optional: false,
  computed: true,
  sensitive: false,
  writeOnly: false,
  replaces: false,
  emptyIsNull: false,
  field: undefined,
};

const limit: Attribute = {
  ...own,
  name: "limit",
  shape: { kind: "scalar", scalar: integer(32) },
  optional: true,
  computed: false,
  description: "At most so many, the lowest ids first. Left out: all.",
};

const ids: Attribute = {
  ...own,
  name: "ids",
  shape: { kind: "list", of: { kind: "scalar", scalar: plain } },
  description: "Of what was found, in their order.",
};

const shown = (attribute: Attribute): Attribute => ({ ...attribute, optional: false });

/** What each of those found shows, as the data source of one does. */
export const itemAttributes = (kind: Kind): readonly Attribute[] => dataSourceSchema(kind).attributes.map(shown);

/** photoncloud_vpcs: found by what lists are found by. @throws Error if two attributes would have one name */
export function pluralSchema(kind: Kind): KindSchema {
  const { description, attributes: filters } = listSchema(kind);
  const items: Attribute = {
    ...own,
    name: kind.plural,
    shape: { kind: "list", of: { kind: "object", attributes: itemAttributes(kind) } },
    description: "What was found, in the order of their ids.",
  };
  const attributes = [...filters, limit, ids, items];
  return checkedSchema({ kind, typeName: `photoncloud_${kind.plural}`, description, attributes });
}
