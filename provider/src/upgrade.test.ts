// A state that any released version has written is read by this one: nothing that both know is lost.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import fc from "fast-check";
import { parseJson, toJson } from "./cty/json.ts";
import { type Type, typeFromJson } from "./cty/type.ts";
import { isMap, type Value } from "./cty/value.ts";
import { Journal } from "./journal.ts";
import { createProvider } from "./provider.ts";
import { resourceSchema } from "./schema.ts";
import { BlockCodec } from "./wire.ts";

const folder = join(import.meta.dirname, "../schemas");
const released = readdirSync(folder).flatMap((file) => {
  const types: unknown = JSON.parse(readFileSync(join(folder, file), "utf8"));
  if (typeof types !== "object" || types === null) throw new Error(`${file} holds no object`);
  return Object.entries(types).map(
    ([typeName, type]) => [file.replace(/\.golden\.json$/, ""), typeName, type] as const,
  );
});

/** Values as a state file holds them. */
function statesOf(type: Type): fc.Arbitrary<unknown> {
  const known = ((): fc.Arbitrary<unknown> => {
    switch (type.kind) {
      case "string":
        return fc.string();
      case "number":
        return fc.integer();
      case "bool":
        return fc.boolean();
      case "map":
        return fc.dictionary(fc.constantFrom("a", "b.c"), statesOf(type.of).filter(isThere));
      case "object":
        return fc.record(Object.fromEntries([...type.fields].map(([name, of]) => [name, statesOf(of)])));
      case "list":
      case "set":
        return fc.array(statesOf(type.of).filter(isThere), { maxLength: 3 });
      default:
        return fc.constant(null);
    }
  })();
  return fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: fc.constant(null) });
}

const isThere = (value: unknown): boolean => value !== null;

const upgrade = createProvider({ env: {}, journal: async () => new Journal("/nowhere") }).upgradeResourceState;

test.each(released)("a state of %s's %s is read", async (_version, typeName, old) => {
  const kind = catalog().byNoun(typeName.replace("photoncloud_", ""));
  if (kind === undefined) throw new Error(`${typeName} is gone: nobody could even destroy what a state holds`);
  const { attributes } = resourceSchema(kind);
  const codec = new BlockCodec(attributes);
  const known = new Set(attributes.filter((a) => !a.writeOnly).map((a) => a.name));
  await fc.assert(
    fc.asyncProperty(statesOf(typeFromJson(old)).filter(isThere), async (state) => {
      const json = Buffer.from(JSON.stringify(state));
      const request = { typeName, version: 0, rawState: { json, flatmap: {} } };
      const answer = await upgrade?.(request, new AbortController().signal);
      expect(answer?.diagnostics ?? []).toEqual([]);
      const { msgpack = Buffer.alloc(0) } = answer?.upgradedState ?? {};
      const upgraded = codec.decode({ msgpack: Buffer.from(msgpack), json: Buffer.alloc(0) });
      expect([...(upgraded?.keys() ?? [])]).toEqual(attributes.map((a) => a.name));
      const shown: unknown = JSON.parse(toJson(upgraded));
      const given = parseJson(json.toString());
      if (typeof given !== "object" || given === null) return;
      for (const [name, value] of Object.entries(given).filter(([name]) => known.has(name)))
        expect(shown).toHaveProperty([name], ordered(value, upgraded?.get(name)));
    }),
    { numRuns: 5 },
  );
});

/** An object may have more in a newer version. */
const ordered = (value: unknown, there: Value | undefined): unknown =>
  value === null || there === undefined || !isMap(there) ? value : expect.anything();
