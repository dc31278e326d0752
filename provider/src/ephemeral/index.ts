// The handlers of ephemeral resources (protocol 6.7): they know the types by name alone.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import type { ValueMap } from "../cty/value.ts";
import { Problem, plainError } from "../diagnostics.ts";
import { guarded, onlyDiagnostics } from "../guarded.ts";
import { isJsonObject } from "../json-object.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import type { Configuration } from "../provider-config.ts";
import type { Session } from "../session.ts";
import { BlockCodec, wireDiagnostics } from "../wire.ts";
import { AccessToken, accessTokenSchema } from "./access-token.ts";
import type { Ephemeral, EphemeralSchema, Kept } from "./ephemeral.ts";
import { Held, heldSchemas } from "./held.ts";

/** Every type's schema. */
export const ephemeralSchemas = (catalog: Catalog): readonly EphemeralSchema[] => [
  accessTokenSchema(catalog),
  ...heldSchemas(catalog),
];

const write = (kept: Kept): Buffer => Buffer.from(JSON.stringify(kept));

function read(bytes: Uint8Array | undefined): Kept {
  const json: unknown = bytes === undefined || bytes.length === 0 ? {} : JSON.parse(Buffer.from(bytes).toString());
  return isJsonObject(json) ? json : {};
}

type Names =
  | "validateEphemeralResourceConfig"
  | "openEphemeralResource"
  | "renewEphemeralResource"
  | "closeEphemeralResource";

/** @param configuration What ConfigureProvider said last. */
export function ephemeralHandlers(
  catalog: Catalog,
  session: Session,
  configuration: () => Configuration | undefined,
): Pick<Required<Handlers>, Names> {
  const made = new Map<string, Ephemeral>();
  const typeOf = (typeName: string): Ephemeral => {
    if (made.size === 0)
      for (const one of [
        new AccessToken(catalog, session, configuration),
        ...heldSchemas(catalog).map((schema) => new Held(schema, session)),
      ])
        made.set(one.schema.typeName, one);
    const found = made.get(typeName);
    if (found !== undefined) return found;
    throw new Problem([plainError("Unknown type", `The PhotonCloud provider has no ephemeral ${typeName}.`)]);
  };
  return {
    validateEphemeralResourceConfig: ({ typeName, config }) =>
      guarded(
        `checking ${typeName}`,
        async () => {
          const type = typeOf(typeName);
          return onlyDiagnostics(type.validate(new BlockCodec(type.schema.attributes).decode(config) ?? new Map()));
        },
        onlyDiagnostics,
      ),
    openEphemeralResource: ({ typeName, config }, signal) =>
      guarded(
        `opening a ${typeName}`,
        async () => {
          const type = typeOf(typeName);
          const codec = new BlockCodec(type.schema.attributes);
          const given: ValueMap = codec.decode(config) ?? new Map();
          const { result, kept, renewAt } = await type.open(given, signal);
          return { result: codec.encode(result), private: write(kept), renewAt };
        },
        onlyDiagnostics,
      ),
    renewEphemeralResource: ({ typeName, private: bytes }, signal) =>
      guarded(
        `renewing a ${typeName}`,
        async () => {
          const { kept, renewAt, diagnostics } = await typeOf(typeName).renew(read(bytes), signal);
          return { private: write(kept), renewAt, diagnostics: wireDiagnostics(diagnostics) };
        },
        onlyDiagnostics,
      ),
    closeEphemeralResource: ({ typeName, private: bytes }, signal) =>
      guarded(
        `closing a ${typeName}`,
        async () => onlyDiagnostics(await typeOf(typeName).close(read(bytes), signal)),
        onlyDiagnostics,
      ),
  };
}
