// Mistakes in a reconciler that can be seen before anything runs.
import type { EngineKind } from "./kind.ts";
import { referenceFields } from "./references.ts";

/** @throws Error that names the kind and what is wrong with it. */
export function checkKinds<Drivers>(kinds: readonly EngineKind<Drivers>[]): void {
  const seen = new Set<string>();
  for (const kind of kinds) {
    if (seen.has(kind.schema.typeName)) throw new Error(`${kind.schema.typeName} is given to the engine twice`);
    seen.add(kind.schema.typeName);
    checkSteps(kind);
    checkReferences(kind);
  }
}

function checkSteps<Drivers>({ schema, reconciler }: EngineKind<Drivers>): void {
  const names = (reconciler?.steps ?? []).map((step) => step.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(`${schema.typeName} has two steps named "${twice}"; steps are told apart by name`);
  if (reconciler !== undefined && reconciler.schema !== schema)
    throw new Error(`${schema.typeName} has the reconciler of ${reconciler.schema.typeName}`);
}

function checkReferences<Drivers>({ schema, reconciler }: EngineKind<Drivers>): void {
  const fields = referenceFields(schema).map((field) => field.path);
  for (const exempt of reconciler?.doesNotWaitFor ?? [])
    if (!fields.some((field) => field === exempt || field.startsWith(`${exempt}.`)))
      throw new Error(
        `${schema.typeName}: doesNotWaitFor names "${exempt}", but its references are ${fields.join(", ") || "none"}`,
      );
}
