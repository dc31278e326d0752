// The handlers of data sources: of each kind one that finds one, and one that finds many.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import type { ValueMap } from "../cty/value.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { guarded, onlyDiagnostics } from "../guarded.ts";
import { type Known, lazily } from "../known.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import { dataSourceSchema, type KindSchema } from "../schema.ts";
import type { Session } from "../session.ts";
import { DataSource } from "./data-source.ts";
import { PluralDataSource } from "./plural-data-source.ts";
import { pluralSchema } from "./plural-schema.ts";

/** What answers one type of data source. */
interface AnyDataSource {
  readonly schema: KindSchema;
  validate(config: ValueMap): readonly Diagnostic[];
  read(config: ValueMap, signal: AbortSignal): Promise<ValueMap>;
}

/** The schemas of all data sources. */
export const dataSourceSchemas = ({ kinds }: Catalog): readonly KindSchema[] => [
  ...kinds.map(dataSourceSchema),
  ...kinds.map(pluralSchema),
];

/** The data sources by their type names. */
export function dataSourcesOf(catalog: Catalog, session: Session): (typeName: string) => Known<AnyDataSource> {
  return lazily((name): AnyDataSource | undefined => {
    const one = catalog.byNoun(name);
    if (one !== undefined) return new DataSource(dataSourceSchema(one), session);
    const many = catalog.kinds.find(({ plural }) => plural === name);
    return many && new PluralDataSource(many, session);
  });
}

/** ValidateDataResourceConfig and ReadDataSource. */
export function dataSourceHandlers(
  dataSources: (typeName: string) => Known<AnyDataSource>,
): Pick<Required<Handlers>, "validateDataResourceConfig" | "readDataSource"> {
  return {
    validateDataResourceConfig: ({ typeName, config }) =>
      guarded(
        `checking ${typeName}`,
        async () => {
          const { part, codec } = dataSources(typeName);
          return onlyDiagnostics(part.validate(codec.decode(config) ?? new Map()));
        },
        onlyDiagnostics,
      ),
    readDataSource: ({ typeName, config }, signal) =>
      guarded(
        `reading a ${typeName}`,
        async () => {
          const { part, codec } = dataSources(typeName);
          return { state: codec.encode(await part.read(codec.decode(config) ?? new Map(), signal)) };
        },
        onlyDiagnostics,
      ),
  };
}
