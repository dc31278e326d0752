// The executable of a provider that knows no cloud: its answers to Terraform are made of the questions. It shows what the protocol alone costs.

import type { Attribute } from "../../provider/src/attribute.ts";
import { isMap, Unknown, unknown, type Value, type ValueMap } from "../../provider/src/cty/value.ts";
import { lazily } from "../../provider/src/known.ts";
import { readInvitation } from "../../provider/src/plugin/handshake.ts";
import { type Handlers, providerMethods } from "../../provider/src/plugin/provider-methods.ts";
import { servePlugin } from "../../provider/src/plugin/serve.ts";
import { resourceSchema } from "../../provider/src/schema.ts";
import { theCatalog } from "../../provider/src/the-catalog.ts";

/** The schemas' answers in base64, by path, the same as the real provider's. The build puts them in. */
declare const PHOTON_ANSWERS: Readonly<Record<string, string>>;

const known = lazily((noun) => {
  const kind = theCatalog().byNoun(noun);
  return kind === undefined ? undefined : { schema: resourceSchema(kind) };
});

const withAll = (attributes: readonly Attribute[], value: ValueMap, of: (a: Attribute, was: Value) => Value) =>
  new Map(attributes.map((a) => [a.name, of(a, value.get(a.name) ?? null)]));

/** As long as an id of the cloud's, so that states are of one size. */
const drawn = () => crypto.randomUUID();

function answered({ shape }: Attribute): Value {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar.fromJson(shape.scalar.empty === "" ? drawn() : shape.scalar.empty);
    case "object":
      return null;
    case "map":
      return new Map();
    default:
      return [];
  }
}

const handlers: Handlers = {
  validateProviderConfig: async () => ({}),
  configureProvider: async () => ({}),
  validateResourceConfig: async () => ({}),
  upgradeResourceState: async ({ typeName, rawState }) => {
    const { codec } = known(typeName);
    return { upgradedState: codec.encode(codec.fromJson(rawState?.json ?? Buffer.alloc(0))) };
  },
  readResource: async ({ currentState }) => ({ ...(currentState && { newState: currentState }) }),
  planResourceChange: async ({ typeName, priorState, proposedNewState }) => {
    const { codec, attributes } = known(typeName);
    if (codec.decode(priorState) !== null || proposedNewState === undefined)
      return { ...(proposedNewState && { plannedState: proposedNewState }) };
    const proposed = codec.decode(proposedNewState) ?? new Map();
    const plan = withAll(attributes, proposed, (a, was) => (was === null && a.computed ? unknown : was));
    return { plannedState: codec.encode(plan) };
  },
  applyResourceChange: async ({ typeName, plannedState }) => {
    const { codec, attributes } = known(typeName);
    const planned = codec.decode(plannedState);
    if (!isMap(planned)) return { ...(plannedState && { newState: plannedState }) };
    return {
      newState: codec.encode(withAll(attributes, planned, (a, was) => (was instanceof Unknown ? answered(a) : was))),
    };
  },
};

const answers = providerMethods(handlers);
function get(path: string) {
  const fixed = PHOTON_ANSWERS[path];
  return fixed === undefined ? answers.get(path) : async () => Buffer.from(fixed, "base64");
}
void servePlugin(readInvitation(process.env), { get }, () => {});
