// Deferred answers (protocol 6.6): while it is not known where the cloud is, a Terraform that can wait is told to, and the rest is planned.
import type { Attribute } from "./attribute.ts";
import { unknown, type ValueMap } from "./cty/value.ts";
import type { ClientCapabilities, DynamicValue } from "./plugin/gen/tfplugin6.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { BlockCodec } from "./wire.ts";

type Names = "readResource" | "planResourceChange" | "importResourceState" | "readDataSource" | "openEphemeralResource";

/** What is asked before each answer. */
export interface Situation {
  /** Whether it is known where the cloud is and who asks. */
  connected(): boolean;
  resource(typeName: string): readonly Attribute[];
  dataSource(typeName: string): readonly Attribute[];
  ephemeral(typeName: string): readonly Attribute[];
}

/** Why an answer waits, as the protocol numbers it (Deferred.Reason): what was configured has unknown values, or the provider has. */
export const configUnknown = { reason: 1 } as const;
export const providerUnknown = { reason: 2 } as const;

/** What a block will be: what was written, and unknown where the cloud would answer. */
function undecided(attributes: readonly Attribute[], config: DynamicValue | undefined): { msgpack: Buffer } {
  const codec = new BlockCodec(attributes);
  const given: ValueMap = codec.decode(config) ?? new Map();
  return codec.encode(new Map(attributes.map((a) => [a.name, given.get(a.name) ?? (a.computed ? unknown : null)])));
}

/** Handlers that defer; to a Terraform that can't wait they answer as ever, and say what is missing. */
export function deferring(handlers: Pick<Required<Handlers>, Names>, situation: Situation): typeof handlers {
  const waits = ({ clientCapabilities }: { clientCapabilities: ClientCapabilities | undefined }): boolean =>
    !situation.connected() && (clientCapabilities?.deferralAllowed ?? false);
  return {
    readResource: async (request, signal) => {
      if (!waits(request)) return handlers.readResource(request, signal);
      const { currentState: newState, currentIdentity: newIdentity, private: kept } = request;
      return { newState, newIdentity, private: kept, deferred: providerUnknown };
    },
    planResourceChange: async (request, signal) => {
      const planned = await handlers.planResourceChange(request, signal);
      return waits(request) ? { ...planned, deferred: providerUnknown } : planned;
    },
    importResourceState: async (request, signal) => {
      if (!waits(request)) return handlers.importResourceState(request, signal);
      const { typeName, identity } = request;
      const state = new BlockCodec(situation.resource(typeName)).encode(unknown);
      return { importedResources: [{ typeName, state, identity }], deferred: providerUnknown };
    },
    readDataSource: async (request, signal) => {
      if (!waits(request)) return handlers.readDataSource(request, signal);
      return { state: undecided(situation.dataSource(request.typeName), request.config), deferred: providerUnknown };
    },
    openEphemeralResource: async (request, signal) => {
      if (!waits(request)) return handlers.openEphemeralResource(request, signal);
      return { result: undecided(situation.ephemeral(request.typeName), request.config), deferred: providerUnknown };
    },
  };
}
