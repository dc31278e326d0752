// Writes provider/schemas/<version>.golden.json: what a state of this version looks like. Those of released versions stay as they are: states of
// theirs must be read for ever (src/upgrade.test.ts).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalog } from "@photoncloud/proto";
import { type Attribute, objectType } from "../src/attribute.ts";
import { typeToJson } from "../src/cty/type.ts";
import { resourceSchema } from "../src/schema.ts";
import { version } from "../src/version.ts";

const stored = (attributes: readonly Attribute[]) => attributes.filter((attribute) => !attribute.writeOnly);

/** By type name, the type of what Terraform stores. */
const types = Object.fromEntries(
  catalog().kinds.map((kind) => {
    const { typeName, attributes } = resourceSchema(kind);
    return [typeName, typeToJson(objectType(stored(attributes)))];
  }),
);

const folder = join(import.meta.dirname, "../schemas");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, `${version}.golden.json`), `${JSON.stringify(types, null, 1)}\n`);
