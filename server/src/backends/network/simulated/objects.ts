// Finding objects among all that the simulated network holds.
import type { NetworkObject } from "../driver.ts";
import { keyOf } from "../topology.ts";

export type Objects = ReadonlyMap<string, NetworkObject>;

type Of<Type extends NetworkObject["type"]> = Extract<NetworkObject, { readonly type: Type }>;

function isOf<Type extends NetworkObject["type"]>(object: NetworkObject | undefined, type: Type): object is Of<Type> {
  return object?.type === type;
}

/** One object; undefined: it is not there. */
export function objectOf<Type extends NetworkObject["type"]>(
  objects: Objects,
  type: Type,
  id: string,
): Of<Type> | undefined {
  const object = objects.get(keyOf({ type, id }));
  return isOf(object, type) ? object : undefined;
}

/** All objects of a type. */
export function allOf<Type extends NetworkObject["type"]>(objects: Objects, type: Type): readonly Of<Type>[] {
  return [...objects.values()].filter((object) => isOf(object, type));
}
