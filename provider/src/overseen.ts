// The oracle over what is answered beside reads, plans and applies: states from elsewhere, data sources, ephemeral resources, lists and generated
// configurations.
import type { Attribute } from "./attribute.ts";
import type { ValueMap } from "./cty/value.ts";
import { type Diagnostic, plainError } from "./diagnostics.ts";
import { checkConfig, checkData, checkState } from "./oracle.ts";
import type { DynamicValue } from "./plugin/gen/tfplugin6.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { BlockCodec, wireDiagnostics } from "./wire.ts";

type Names =
  | "upgradeResourceState"
  | "moveResourceState"
  | "importResourceState"
  | "readDataSource"
  | "openEphemeralResource"
  | "generateResourceConfig"
  | "listResource";

/** The attributes of each type. */
export interface Schemas {
  resource(typeName: string): readonly Attribute[];
  dataSource(typeName: string): readonly Attribute[];
  ephemeral(typeName: string): readonly Attribute[];
}

/** Our own bugs, found by the oracle before Terraform finds them. */
export const bugs = (problems: readonly string[], where: string): readonly Diagnostic[] =>
  problems.map((problem) =>
    plainError(
      `The provider's own check of its ${where} failed`,
      `${problem}. This is a bug in the PhotonCloud provider.`,
    ),
  );

type Answered = { readonly msgpack?: Uint8Array | undefined } | undefined;

/** Undefined where there is no value, or one that is not known as a whole: a deferred answer's. */
function decoded(attributes: readonly Attribute[], value: Answered): ValueMap | undefined {
  if (value?.msgpack === undefined || value.msgpack.length === 0) return undefined;
  const bytes: DynamicValue = { msgpack: Buffer.from(value.msgpack), json: Buffer.alloc(0) };
  return new BlockCodec(attributes).decode(bytes) ?? undefined;
}

function stateBugs(attributes: readonly Attribute[], value: Answered, where: string): readonly Diagnostic[] {
  const state = decoded(attributes, value);
  return state === undefined ? [] : bugs(checkState(attributes, state), where);
}

/** What is wrong with what was read by a configuration. */
function dataBugs(attributes: readonly Attribute[], given: Answered, found: Answered, where: string) {
  const [config, state] = [decoded(attributes, given), decoded(attributes, found)];
  const wrong = config === undefined || state === undefined ? [] : checkData(attributes, config, state);
  return wireDiagnostics(bugs(wrong, where));
}

/** Handlers whose every answer is looked at. */
export function overseen(handlers: Pick<Required<Handlers>, Names>, schemas: Schemas): typeof handlers {
  return {
    upgradeResourceState: async (request, signal) => {
      const answer = await handlers.upgradeResourceState(request, signal);
      const found = stateBugs(schemas.resource(request.typeName), answer.upgradedState, "upgrade of a state");
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...wireDiagnostics(found)] };
    },
    moveResourceState: async (request, signal) => {
      const answer = await handlers.moveResourceState(request, signal);
      const found = stateBugs(schemas.resource(request.targetTypeName), answer.targetState, "move of a state");
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...wireDiagnostics(found)] };
    },
    importResourceState: async (request, signal) => {
      const answer = await handlers.importResourceState(request, signal);
      const found = (answer.importedResources ?? []).flatMap(({ typeName = request.typeName, state }) =>
        answer.deferred === undefined ? stateBugs(schemas.resource(typeName), state, "import") : [],
      );
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...wireDiagnostics(found)] };
    },
    readDataSource: async (request, signal) => {
      const answer = await handlers.readDataSource(request, signal);
      if (answer.deferred !== undefined) return answer;
      const told = dataBugs(schemas.dataSource(request.typeName), request.config, answer.state, "data source");
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...told] };
    },
    openEphemeralResource: async (request, signal) => {
      const answer = await handlers.openEphemeralResource(request, signal);
      if (answer.deferred !== undefined) return answer;
      const told = dataBugs(schemas.ephemeral(request.typeName), request.config, answer.result, "ephemeral resource");
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...told] };
    },
    generateResourceConfig: async (request, signal) => {
      const answer = await handlers.generateResourceConfig(request, signal);
      const attributes = schemas.resource(request.typeName);
      const config = decoded(attributes, answer.config);
      const told = wireDiagnostics(config === undefined ? [] : bugs(checkConfig(attributes, config), "configuration"));
      return { ...answer, diagnostics: [...(answer.diagnostics ?? []), ...told] };
    },
    async *listResource(request, signal) {
      for await (const event of handlers.listResource(request, signal)) {
        const found = stateBugs(schemas.resource(request.typeName), event.resourceObject, "list");
        yield { ...event, diagnostic: [...(event.diagnostic ?? []), ...wireDiagnostics(found)] };
      }
    },
  };
}
