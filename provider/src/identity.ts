// A resource's identity (protocol 6.9): what names it for ever and everywhere, its tenant and its id. Terraform keeps it beside the state.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import { typeOf } from "./attribute.ts";
import type { Reference } from "./cloud.ts";
import { attribute as attributeStep } from "./cty/path.ts";
import { type Type, typeToJson } from "./cty/type.ts";
import type { ValueMap } from "./cty/value.ts";
import { errorAt, Problem, plainError } from "./diagnostics.ts";
import { guarded, onlyDiagnostics } from "./guarded.ts";
import type { Known } from "./known.ts";
import type { ResourceIdentityData } from "./plugin/gen/tfplugin6.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { type KindSchema, resourceSchema, tenantFields } from "./schema.ts";
import { referenceOf, type Tenant, tenantDefaults } from "./tenant.ts";

/** What becomes of the identities when a release changes their attributes. */
const version = 0;

/** The part of a kind's schema that is its identity. */
export const identitySchema = (schema: KindSchema): KindSchema => ({
  ...schema,
  attributes: schema.attributes.filter((a) => a.name === "id" || tenantFields.has(a.name)),
});

/** What the parts of an identity are found by. */
export interface Identified {
  readonly schema: KindSchema;
}

const typeBytes = (type: Type) => Buffer.from(JSON.stringify(typeToJson(type)));

/** The tenant may be left out of an import: the provider's configuration stands in for it. */
const wireIdentity = ({ attributes }: KindSchema) => ({
  version,
  identityAttributes: attributes.map((a) => ({
    name: a.name,
    type: typeBytes(typeOf(a.shape)),
    requiredForImport: a.name === "id",
    optionalForImport: a.name !== "id",
    description: a.description,
  })),
});

/** The identity of what a state holds; none where a part of it is not known, which Terraform does not take. */
export function identityOf({ codec, attributes }: Known<Identified>, state: ValueMap | null) {
  if (state === null || attributes.some(({ name }) => typeof (state.get(name) ?? "") !== "string")) return undefined;
  if ((state.get("id") ?? "") === "") return undefined;
  return { identityData: codec.encode(new Map(attributes.map(({ name }) => [name, state.get(name) ?? ""]))) };
}

/** The stub of an import: all that is known is where it is. */
export const stubAt = (schema: KindSchema, at: Reference): ValueMap => {
  const known: Readonly<Record<string, string>> = { org_id: at.org, project_id: at.project, id: at.id };
  return new Map(schema.attributes.map((a) => [a.name, known[a.name] ?? null]));
};

/**
 * What an identity in an import block names.
 *
 * @throws Problem where its id is missing, or its tenant, and the provider has none.
 */
export function referenceIn(known: Known<Identified>, given: ResourceIdentityData, tenant: Tenant): Reference {
  const identity = known.codec.decode(given.identityData) ?? new Map();
  const { kind } = known.part.schema;
  const at = referenceOf(new Map([...identity, ...tenantDefaults(kind, identity, tenant)]));
  if (at.id !== "") return at;
  throw new Problem([
    errorAt([attributeStep("id")], "The id is missing", `Which ${kind.noun}? Set id in the identity.`),
  ]);
}

/** The answer to GetResourceIdentitySchemas; it depends on the catalog alone, so that a build keeps its bytes. */
export function identitySchemas(catalog: Catalog) {
  const schemas = catalog.kinds.map((kind) => identitySchema(resourceSchema(kind)));
  return { identitySchemas: Object.fromEntries(schemas.map((schema) => [schema.typeName, wireIdentity(schema)])) };
}

/** GetResourceIdentitySchemas and UpgradeResourceIdentity. */
export function identityHandlers(
  catalog: Catalog,
  identities: (typeName: string) => Known<Identified>,
): Pick<Required<Handlers>, "getResourceIdentitySchemas" | "upgradeResourceIdentity"> {
  return {
    getResourceIdentitySchemas: async () => identitySchemas(catalog),
    upgradeResourceIdentity: (request) =>
      guarded(
        `reading the identity of a ${request.typeName}`,
        async () => {
          const { codec } = identities(request.typeName);
          const json = request.rawIdentity?.json ?? Buffer.alloc(0);
          if (json.length === 0) throw new Problem([plainError("The identity can't be read", "It is empty.")]);
          return { upgradedIdentity: { identityData: codec.encode(codec.fromJson(json)) } };
        },
        onlyDiagnostics,
      ),
  };
}
