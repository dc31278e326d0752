// The provider's functions: what they are to Terraform, and how they are called. No function knows a kind by name.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import { fromJson, parseJson } from "../cty/json.ts";
import { codec } from "../cty/msgpack.ts";
import { type Type, typeToJson } from "../cty/type.ts";
import type { Value } from "../cty/value.ts";
import type { DynamicValue } from "../plugin/gen/tfplugin6.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import { cidrFunctions } from "./cidr.ts";
import { ArgumentError, type Parameter, type ProviderFunction } from "./function.ts";
import { pathFunctions } from "./resource-path.ts";

/** All of them, by name. */
export const functionsOf = (catalog: Catalog): Readonly<Record<string, ProviderFunction>> => ({
  ...cidrFunctions,
  ...pathFunctions(catalog),
});

const typeBytes = (type: Type) => Buffer.from(JSON.stringify(typeToJson(type)));

const wireParameter = ({ name, type, description }: Parameter) => ({
  name,
  type: typeBytes(type),
  description,
  descriptionKind: 1 as const,
});

const wireFunction = (given: ProviderFunction) => ({
  parameters: given.parameters.map(wireParameter),
  ...(given.variadic && { variadicParameter: wireParameter(given.variadic) }),
  return: { type: typeBytes(given.returns) },
  summary: given.summary,
  description: given.description,
  descriptionKind: 1 as const,
});

/** The functions of a catalog's provider, as the schema tells them. */
export const wireFunctions = (catalog: Catalog) =>
  Object.fromEntries(Object.entries(functionsOf(catalog)).map(([name, given]) => [name, wireFunction(given)]));

function decode(type: Type, { msgpack, json }: DynamicValue): Value {
  return msgpack.length > 0
    ? codec(type).decode(msgpack)
    : fromJson(type, parseJson(Buffer.from(json).toString("utf8")));
}

/** Also lists may hold nulls, which Terraform lets through. */
const refuseNull = (value: Value, at: number): void => {
  if (value === null || (Array.isArray(value) && value.includes(null))) throw new ArgumentError(at, "null was given");
};

function call(given: ProviderFunction, wire: readonly DynamicValue[]): { msgpack: Buffer } {
  const args = wire.map((argument, at) => {
    const parameter = given.parameters[at] ?? given.variadic;
    if (parameter === undefined) throw new ArgumentError(at, `at most ${given.parameters.length} arguments are taken`);
    const value = decode(parameter.type, argument);
    refuseNull(value, at);
    return value;
  });
  return { msgpack: codec(given.returns).encode(given.call(args)) };
}

/** GetFunctions and CallFunction. */
export function functionHandlers(catalog: Catalog): Pick<Required<Handlers>, "getFunctions" | "callFunction"> {
  let made: Readonly<Record<string, ProviderFunction>> | undefined;
  const functionsByName = () => {
    made ??= functionsOf(catalog);
    return made;
  };
  return {
    getFunctions: async () => ({ functions: wireFunctions(catalog) }),
    callFunction: async ({ name, arguments: given }) => {
      const functions = functionsByName();
      const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
      if (found === undefined) return { error: { text: `The PhotonCloud provider has no function ${name}.` } };
      try {
        return { result: call(found, given) };
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        return { error: error instanceof ArgumentError ? { text, functionArgument: error.argument } : { text } };
      }
    },
  };
}
