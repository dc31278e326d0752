// In which order kinds stand on each other, read from their references: VPCs, then subnets, then ports, then VMs.
import type { EngineKind } from "./kind.ts";
import { referenceFields } from "./references.ts";

/** The kinds' names in levels: each refers only to kinds of earlier levels, to itself, or in a circle. */
export function levelsOf<Drivers>(kinds: readonly EngineKind<Drivers>[]): readonly (readonly string[])[] {
  const targets = new Map(kinds.map(({ schema }) => [schema.typeName, referenceFields(schema).map((f) => f.kind)]));
  const byDepth = Map.groupBy(targets.keys(), (name) => depthOf(name, targets, []));
  return [...byDepth].sort(([a], [b]) => a - b).map(([, names]) => names);
}

function depthOf(name: string, targets: ReadonlyMap<string, readonly string[]>, above: readonly string[]): number {
  const within = [...above, name];
  const next = (targets.get(name) ?? []).filter((target) => targets.has(target) && !within.includes(target));
  return Math.max(0, ...next.map((target) => 1 + depthOf(target, targets, within)));
}
