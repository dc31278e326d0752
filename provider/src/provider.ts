// The provider as Terraform's protocol sees it: reads requests, asks the engine, writes answers. It knows no kind by name.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import { actionSchemas } from "./action/action-schema.ts";
import { actionHandlers } from "./action/index.ts";
import type { ValueMap } from "./cty/value.ts";
import { dataSourceHandlers, dataSourceSchemas, dataSourcesOf } from "./data/index.ts";
import { deferring } from "./deferral.ts";
import { Problem, plainError } from "./diagnostics.ts";
import { ephemeralHandlers, ephemeralSchemas } from "./ephemeral/index.ts";
import { functionHandlers, wireFunctions } from "./functions/index.ts";
import { generateHandler } from "./generate-config.ts";
import { guarded, onlyDiagnostics } from "./guarded.ts";
import { identityHandlers, identityOf, identitySchema, referenceIn, stubAt } from "./identity.ts";
import { type Known, lazily } from "./known.ts";
import { listHandlers } from "./list/index.ts";
import { moveHandler } from "./move.ts";
import { checkApply, checkPlan, checkState } from "./oracle.ts";
import { bugs, overseen } from "./overseen.ts";
import type { DynamicValue } from "./plugin/gen/tfplugin6.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { readPrivate, writePrivate } from "./private-state.ts";
import { type Configuration, providerAttributes, readConfiguration, validateConfiguration } from "./provider-config.ts";
import { type Outcome, Resource } from "./resource.ts";
import { resourceSchema } from "./schema.ts";
import { providerSchema, serverCapabilities } from "./schema-response.ts";
import { Session, type Surroundings } from "./session.ts";
import { theCatalog } from "./the-catalog.ts";
import { validateConfig } from "./validate-config.ts";
import { BlockCodec, wireDiagnostics, wirePath } from "./wire.ts";

export interface ProviderOptions extends Surroundings {
  /** Default: the cloud's own. */
  readonly catalog?: Catalog;
}

const nothingKnown: ValueMap = new Map();

/** Makes the handlers of one provider process. */
export function createProvider(options: ProviderOptions): Handlers {
  const catalog = options.catalog ?? theCatalog();
  const session = new Session(options);
  let configuration: Configuration | undefined;
  const checking = options.env.PHOTON_PROVIDER_ORACLE === "1";
  const providerCodec = new BlockCodec(providerAttributes);
  const resources = lazily((noun) => {
    const kind = catalog.byNoun(noun);
    return kind === undefined ? undefined : new Resource(resourceSchema(kind), session);
  });
  const dataSources = dataSourcesOf(catalog, session);
  const identities = lazily((noun) => {
    const kind = catalog.byNoun(noun);
    return kind === undefined ? undefined : { schema: identitySchema(resourceSchema(kind)) };
  });
  const provided = (codec: BlockCodec, value: DynamicValue | undefined) => codec.decode(value) ?? nothingKnown;

  function applied({ codec, attributes, part }: Known<Resource>, planned: ValueMap | null, outcome: Outcome) {
    const failed = outcome.diagnostics.some(({ severity }) => severity === "error");
    const check = checking && planned !== null && outcome.state !== null && !failed;
    const found = check ? bugs(checkApply(attributes, planned, outcome.state), "apply") : [];
    return {
      newState: codec.encode(outcome.state),
      newIdentity: identityOf(identities(part.schema.typeName), outcome.state),
      private: writePrivate(outcome.kept),
      diagnostics: wireDiagnostics([...outcome.diagnostics, ...found]),
    };
  }

  /** What a walk is made of: room for quotas comes, if at all, while any of it is under way. */
  const underWay = (of: Pick<Required<Handlers>, "readResource" | "planResourceChange" | "applyResourceChange">) => {
    const { readResource, planResourceChange, applyResourceChange } = of;
    const during = <T>(run: () => Promise<T>): Promise<T> => session.walk.room.during(run);
    return {
      readResource: (...given) => during(() => readResource(...given)),
      planResourceChange: (...given) => during(() => planResourceChange(...given)),
      applyResourceChange: (...given) => during(() => applyResourceChange(...given)),
    } satisfies Handlers;
  };

  const handlers = {
    getMetadata: async () => ({
      serverCapabilities,
      resources: catalog.kinds.map((kind) => ({ typeName: `photoncloud_${kind.noun}` })),
      dataSources: dataSourceSchemas(catalog).map(({ typeName }) => ({ typeName })),
      listResources: catalog.kinds.map((kind) => ({ typeName: `photoncloud_${kind.noun}` })),
      actions: actionSchemas(catalog).map(({ typeName }) => ({ typeName })),
      ephemeralResources: ephemeralSchemas(catalog).map(({ typeName }) => ({ typeName })),
      functions: Object.keys(wireFunctions(catalog)).map((name) => ({ name })),
    }),

    getProviderSchema: async () => providerSchema(catalog),

    ...functionHandlers(catalog),
    ...dataSourceHandlers(dataSources),
    ...ephemeralHandlers(catalog, session, () => configuration),
    ...identityHandlers(catalog, identities),
    ...moveHandler(resources, identities),
    ...actionHandlers(catalog, session),
    ...listHandlers(catalog, session, resources, identities),
    ...generateHandler(resources, () => session.tenant),

    validateProviderConfig: (request) =>
      guarded(
        "checking the provider's configuration",
        async () => onlyDiagnostics(validateConfiguration(provided(providerCodec, request.config))),
        onlyDiagnostics,
      ),

    configureProvider: (request) =>
      guarded(
        "configuring the provider",
        async () => {
          configuration = readConfiguration(provided(providerCodec, request.config), options.env);
          await session.configure(configuration, request.terraformVersion);
          return {};
        },
        onlyDiagnostics,
      ),

    validateResourceConfig: (request) =>
      guarded(
        `checking ${request.typeName}`,
        async () => {
          const { part, codec } = resources(request.typeName);
          const client = { writeOnly: request.clientCapabilities?.writeOnlyAttributesAllowed ?? false };
          return onlyDiagnostics(validateConfig(part.schema, provided(codec, request.config), client));
        },
        onlyDiagnostics,
      ),

    upgradeResourceState: (request) =>
      guarded(
        `reading the state of a ${request.typeName}`,
        async () => {
          const { codec } = resources(request.typeName);
          const json = request.rawState?.json ?? Buffer.alloc(0);
          if (json.length === 0)
            throw new Problem([
              plainError("The state can't be read", "It was written by a Terraform older than 0.12."),
            ]);
          return { upgradedState: codec.encode(codec.fromJson(json)) };
        },
        onlyDiagnostics,
      ),

    readResource: (request, signal) =>
      guarded(
        `reading a ${request.typeName}`,
        async () => {
          const { part, codec, attributes } = resources(request.typeName);
          const { state, kept, diagnostics } = await part.read(
            provided(codec, request.currentState),
            readPrivate(request.private),
            signal,
          );
          const found = checking && state !== null ? bugs(checkState(attributes, state), "read") : [];
          return {
            newState: codec.encode(state),
            newIdentity: identityOf(identities(request.typeName), state),
            private: writePrivate(kept),
            diagnostics: wireDiagnostics([...diagnostics, ...found]),
          };
        },
        (diagnostics) => ({
          ...onlyDiagnostics(diagnostics),
          ...(request.currentState ? { newState: request.currentState } : {}),
          newIdentity: request.currentIdentity,
          private: request.private,
        }),
      ),

    planResourceChange: (request, signal) =>
      guarded(
        `planning a ${request.typeName}`,
        async () => {
          const { part, codec, attributes } = resources(request.typeName);
          const config = codec.decode(request.config);
          const prior = codec.decode(request.priorState);
          if (config === null) {
            const told = prior === null ? [] : await part.planDelete(prior, signal);
            const diagnostics = wireDiagnostics(told);
            return { plannedState: codec.encode(null), plannedPrivate: request.priorPrivate, diagnostics };
          }
          const kept = readPrivate(request.priorPrivate);
          const { planned, replaces, diagnostics } = await part.planAndAsk(prior, config, kept, signal);
          const found = checking ? bugs(checkPlan(attributes, prior, config, planned, replaces), "plan") : [];
          return {
            plannedState: codec.encode(planned),
            plannedIdentity: identityOf(identities(request.typeName), planned),
            plannedPrivate: request.priorPrivate,
            requiresReplace: replaces.map(wirePath),
            diagnostics: wireDiagnostics([...diagnostics, ...found]),
          };
        },
        onlyDiagnostics,
      ),

    applyResourceChange: (request, signal) =>
      guarded(
        `applying a ${request.typeName}`,
        async () => {
          const known = resources(request.typeName);
          const { part, codec } = known;
          const [prior, planned] = [codec.decode(request.priorState), codec.decode(request.plannedState)];
          const config = provided(codec, request.config);
          const kept = readPrivate(request.plannedPrivate);
          if (planned === null) return applied(known, planned, await part.delete(prior ?? nothingKnown, kept, signal));
          if (prior === null) return applied(known, planned, await part.create(planned, config, signal));
          return applied(known, planned, await part.update(prior, planned, config, kept, signal));
        },
        (diagnostics) => ({
          ...onlyDiagnostics(diagnostics),
          ...(request.priorState ? { newState: request.priorState } : {}),
          newIdentity: request.plannedIdentity,
          private: request.plannedPrivate,
        }),
      ),

    importResourceState: (request) =>
      guarded(
        `importing a ${request.typeName}`,
        async () => {
          const { typeName, identity } = request;
          const { part, codec } = resources(typeName);
          const named = identities(typeName);
          if (identity?.identityData === undefined)
            return { importedResources: [{ typeName, state: codec.encode(part.import(request.id)) }] };
          const stub = stubAt(part.schema, referenceIn(named, identity, session.tenant));
          return { importedResources: [{ typeName, state: codec.encode(stub), identity: identityOf(named, stub) }] };
        },
        onlyDiagnostics,
      ),

    stopProvider: async () => {
      session.stop.abort();
      return {};
    },
  } satisfies Handlers;
  const schemas = {
    resource: (typeName: string) => resources(typeName).attributes,
    dataSource: (typeName: string) => dataSources(typeName).attributes,
    ephemeral: (typeName: string) => ephemeralSchemas(catalog).find((e) => e.typeName === typeName)?.attributes ?? [],
  };
  const checked = { ...(checking ? { ...handlers, ...overseen(handlers, schemas) } : handlers), ...underWay(handlers) };
  const waiting = deferring(checked, {
    ...schemas,
    connected: () => session.connected,
  });
  return { ...checked, ...waiting };
}
