// The request of every method of a kind, about a resource that is named by a place and an id.
import { type Kind, type Method, type StandardVerb, standardVerbs } from "@photoncloud/proto";
import type { Json } from "./calls.ts";
import { byMethod, inputOf } from "./inputs.ts";
import { type Place, tenantOf } from "./world.ts";

export interface Target {
  /** The tenant that the request names. */
  readonly place: Place;
  readonly id: string;
}

/** A change that every kind takes: a label. Its etag matches nothing that is not there. */
const change = { labels: { touched: "yes" } };

function standard(kind: Kind, verb: StandardVerb, { place, id }: Target): Json {
  const tenant = tenantOf(kind, place);
  const tag = `new-${kind.noun.replaceAll("_", "-")}`;
  const bodies: Readonly<Record<StandardVerb, Json>> = {
    create: { ...tenant, ...inputOf(kind, place, tag) },
    get: { ...tenant, id },
    batchGet: { ...tenant, ids: [id] },
    list: { ...tenant, filter: `id = "${id}"` },
    update: { ...tenant, id, [kind.noun]: change, update_mask: "labels" },
    delete: { ...tenant, id },
    watch: { ...tenant, id },
    plan: { ...tenant, id, [kind.noun]: change, update_mask: "labels" },
  };
  return bodies[verb];
}

export interface Case {
  readonly name: string;
  readonly method: Method;
  /** Undefined for a method beside the standard ones. */
  readonly verb: StandardVerb | undefined;
  body(target: Target): Json;
}

/** Every method of a kind. @throws Error for a custom method that has no case in inputs.ts. */
export function casesOf(kind: Kind): readonly Case[] {
  const ofKind = standardVerbs.map((verb) => ({
    name: kind.standard[verb].desc.name,
    method: kind.standard[verb],
    verb,
    body: (target: Target) => standard(kind, verb, target),
  }));
  const beside = kind.custom.map((method) => {
    const more = byMethod[method.desc.name];
    if (more === undefined) throw new Error(`${method.desc.name} has no case in test/isolation/inputs.ts`);
    const body = ({ place, id }: Target) => ({ ...tenantOf(kind, place), id, ...more(place) });
    return { name: method.desc.name, method, verb: undefined, body };
  });
  return [...ofKind, ...beside];
}
