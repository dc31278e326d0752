// Configuration for what was found or imported: what somebody decided, and nothing that is so by itself. Planned, it changes nothing.
import type { Attribute, Shape } from "./attribute.ts";
import { isList, isMap, isNumber, numberText, type Value, type ValueMap } from "./cty/value.ts";
import { guarded, onlyDiagnostics } from "./guarded.ts";
import type { Identified } from "./identity.ts";
import type { Known } from "./known.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { tenantFields } from "./schema.ts";
import type { Tenant } from "./tenant.ts";

/** Whether it is what the cloud takes where nothing is said: the annotation gives that in the words of the value. */
function isDefault({ field, required }: Attribute, value: Value): boolean {
  const usual = field?.options?.default ?? "";
  if (required || usual === "") return false;
  return isNumber(value) ? numberText(value) === usual : String(value) === usual;
}

function configured(attribute: Attribute, value: Value): Value {
  const { required, optional, writeOnly, sensitive, field } = attribute;
  if (value === null || !(required || optional) || writeOnly || sensitive || field === undefined) return null;
  return isDefault(attribute, value) ? null : configuredShape(attribute.shape, value);
}

function configuredShape(shape: Shape, value: Value): Value {
  if (shape.kind === "scalar" || value === null) return value;
  if (shape.kind === "object") return isMap(value) ? configuredObject(shape.attributes, value) : value;
  if (isMap(value)) return new Map([...value].map(([key, item]) => [key, configuredShape(shape.of, item)]));
  return isList(value) ? value.map((item) => configuredShape(shape.of, item)) : value;
}

const configuredObject = (attributes: readonly Attribute[], value: ValueMap): ValueMap =>
  new Map(attributes.map((a) => [a.name, configured(a, value.get(a.name) ?? null)]));

/** The block of a state. The tenant is left out where it is the provider's. */
export function configOf(attributes: readonly Attribute[], state: ValueMap, tenant: Tenant): ValueMap {
  const config = new Map(configuredObject(attributes, state));
  const own = { org_id: tenant.org, project_id: tenant.project };
  const isOwn = Object.entries(own).every(([n, v]) => !config.has(n) || config.get(n) === v);
  if (isOwn) for (const name of tenantFields) if (config.has(name)) config.set(name, null);
  return config;
}

/** GenerateResourceConfig. */
export const generateHandler = (
  resources: (typeName: string) => Known<Identified>,
  tenant: () => Tenant,
): Pick<Required<Handlers>, "generateResourceConfig"> => ({
  generateResourceConfig: ({ typeName, state }) =>
    guarded(
      `writing the configuration of a ${typeName}`,
      async () => {
        const { codec, attributes } = resources(typeName);
        return { config: codec.encode(configOf(attributes, codec.decode(state) ?? new Map(), tenant())) };
      },
      onlyDiagnostics,
    ),
});
