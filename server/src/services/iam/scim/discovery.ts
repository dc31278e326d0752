// What this server says of its SCIM (RFC 7643, sections 5 to 7). It tells nothing of any org, and is told to anybody.

import { groupSchemaId } from "./group.ts";
import type { Json } from "./json.ts";
import { userSchemaId } from "./user.ts";

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
export const mostResults = 200;

export function listResponse(resources: readonly Json[], total: number, startIndex: number): Json {
  return {
    schemas: [listSchema],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

function serviceProviderConfig(base: string): Json {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: mostResults },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Bearer token",
        description: "The access token of a service account of the org",
        specUri: "https://www.rfc-editor.org/rfc/rfc6750",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${base}/ServiceProviderConfig` },
  };
}

function resourceType(base: string, name: string, schema: string): Json {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema,
    meta: { resourceType: "ResourceType", location: `${base}/ResourceTypes/${name}` },
  };
}

interface AttributeTerms {
  readonly type?: "string" | "boolean" | "complex" | "reference";
  readonly multiValued?: boolean;
  readonly required?: boolean;
  readonly mutability?: "readWrite" | "readOnly" | "immutable";
  readonly uniqueness?: "none" | "server";
  readonly caseExact?: boolean;
  readonly subAttributes?: readonly Json[];
}

function attributeOf(name: string, terms: AttributeTerms = {}): Json {
  const usual = { type: "string", multiValued: false, required: false, mutability: "readWrite", uniqueness: "none" };
  return { name, ...usual, returned: "default", caseExact: false, ...terms };
}

function schema(base: string, id: string, name: string, attributes: readonly Json[]): Json {
  const meta = { resourceType: "Schema", location: `${base}/Schemas/${id}` };
  return { schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"], id, name, attributes, meta };
}

function schemas(base: string): readonly Json[] {
  const complex = (name: string, multiValued: boolean, subAttributes: readonly Json[]) =>
    attributeOf(name, { type: "complex", multiValued, subAttributes });
  const user = [
    attributeOf("userName", { required: true, uniqueness: "server" }),
    attributeOf("displayName"),
    complex(
      "name",
      false,
      ["formatted", "givenName", "familyName"].map((name) => attributeOf(name)),
    ),
    complex("emails", true, [attributeOf("value"), attributeOf("type"), attributeOf("primary", { type: "boolean" })]),
    attributeOf("active", { type: "boolean" }),
  ];
  const member = [
    attributeOf("value", { mutability: "immutable", caseExact: true }),
    attributeOf("$ref", { type: "reference", mutability: "readOnly" }),
    attributeOf("type", { mutability: "readOnly" }),
  ];
  const group = [attributeOf("displayName", { required: true }), complex("members", true, member)];
  return [schema(base, userSchemaId, "User", user), schema(base, groupSchemaId, "Group", group)];
}

/** What is at a path of discovery; undefined: nothing. */
export function discover(base: string, parts: readonly string[]): Json | undefined {
  const [first = "", id, ...more] = parts;
  if (more.length > 0) return undefined;
  if (first === "ServiceProviderConfig" && id === undefined) return serviceProviderConfig(base);
  const all =
    first === "Schemas"
      ? schemas(base)
      : first === "ResourceTypes"
        ? [resourceType(base, "User", userSchemaId), resourceType(base, "Group", groupSchemaId)]
        : undefined;
  if (all === undefined) return undefined;
  return id === undefined ? listResponse(all, all.length, 1) : all.find((one) => one.id === id);
}
