// The handlers of list resources.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { explain } from "../diagnostics.ts";
import { guarded, onlyDiagnostics } from "../guarded.ts";
import { type Identified, identityOf } from "../identity.ts";
import { type Known, lazily } from "../known.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import type { Session } from "../session.ts";
import { wireDiagnostics } from "../wire.ts";
import { filterProblems } from "./filter.ts";
import { ListResource } from "./list-resource.ts";

type ByType = (typeName: string) => Known<Identified>;

/** ValidateListResourceConfig and ListResource. */
export function listHandlers(
  catalog: Catalog,
  session: Session,
  resources: ByType,
  identities: ByType,
): Pick<Required<Handlers>, "validateListResourceConfig" | "listResource"> {
  const lists = lazily((noun) => {
    const kind = catalog.byNoun(noun);
    return kind === undefined ? undefined : new ListResource(kind, session);
  });
  return {
    validateListResourceConfig: ({ typeName, config }) =>
      guarded(
        `checking a list of ${typeName}`,
        async () => {
          const { part, codec } = lists(typeName);
          return onlyDiagnostics(filterProblems(part.schema, codec.decode(config) ?? new Map()));
        },
        onlyDiagnostics,
      ),
    async *listResource({ typeName, config, includeResourceObject, limit }, signal) {
      let attributes: readonly Attribute[] = [];
      try {
        const { part, codec } = lists(typeName);
        attributes = part.schema.attributes;
        const resource = resources(typeName).codec;
        for await (const { state, name } of part.list(codec.decode(config) ?? new Map(), limit, signal))
          yield {
            identity: identityOf(identities(typeName), state),
            displayName: name,
            resourceObject: includeResourceObject ? resource.encode(state) : undefined,
          };
      } catch (error) {
        yield { diagnostic: wireDiagnostics(explain(error, attributes, `listing ${typeName}`)) };
      }
    },
  };
}
