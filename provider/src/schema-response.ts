// The answer to GetProviderSchema; it depends on the catalog alone, so that a build keeps its bytes.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import { actionSchemas } from "./action/action-schema.ts";
import type { Attribute } from "./attribute.ts";
import { dataSourceSchemas } from "./data/index.ts";
import { ephemeralSchemas } from "./ephemeral/index.ts";
import { wireFunctions } from "./functions/index.ts";
import { listSchema } from "./list/filter.ts";
import { providerAttributes } from "./provider-config.ts";
import { resourceSchema } from "./schema.ts";
import { wireAttributes } from "./wire.ts";

/** One schema call for each command instead of one for each process; a destroy is shown to us before it happens. */
export const serverCapabilities = {
  planDestroy: true,
  getProviderSchemaOptional: true,
  moveResourceState: true,
  generateResourceConfig: true,
};

const schema = (attributes: readonly Attribute[], description: string) => ({
  version: 0,
  block: { attributes: wireAttributes(attributes), description, descriptionKind: 1 as const },
});

/** Every resource, data source and function of a catalog. */
export function providerSchema(catalog: Catalog) {
  const resources = catalog.kinds.map(resourceSchema);
  const dataSources = dataSourceSchemas(catalog);
  return {
    provider: schema(providerAttributes, "PhotonCloud: a multi-tenant cloud on your own hosts."),
    resourceSchemas: Object.fromEntries(resources.map((r) => [r.typeName, schema(r.attributes, r.description)])),
    dataSourceSchemas: Object.fromEntries(dataSources.map((d) => [d.typeName, schema(d.attributes, d.description)])),
    listResourceSchemas: Object.fromEntries(
      catalog.kinds.map(listSchema).map((l) => [l.typeName, schema(l.attributes, l.description)]),
    ),
    actionSchemas: Object.fromEntries(
      actionSchemas(catalog).map((a) => [a.typeName, { schema: schema(a.attributes, a.description) }]),
    ),
    functions: wireFunctions(catalog),
    ephemeralResourceSchemas: Object.fromEntries(
      ephemeralSchemas(catalog).map((e) => [e.typeName, schema(e.attributes, e.description)]),
    ),
    serverCapabilities,
  };
}
