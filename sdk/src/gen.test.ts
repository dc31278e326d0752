// The generated types are those of the catalog, and every shape that a field may have gets a type.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { camelCase, catalog } from "@photoncloud/proto";
import { testCatalog } from "@photoncloud/proto/testing";
import { generated } from "../scripts/generate.ts";
import { PhotonCloud } from "./index.ts";

test.each(["types.ts", "clients.ts"] as const)("gen/%s is what `npm run generate` writes", (name) => {
  expect(readFileSync(join(import.meta.dirname, "gen", name), "utf8")).toBe(generated(catalog())[name]);
});

test("every kind has a client with every method", () => {
  const cloud = new PhotonCloud({ endpoint: "http://cloud.test" });
  for (const kind of catalog().kinds) {
    const client: unknown = Reflect.get(cloud, camelCase(kind.plural));
    for (const method of [
      "create",
      "get",
      "batchGet",
      "list",
      "update",
      "delete",
      "watch",
      "plan",
      "waitUntilReady",
      "waitUntilGone",
    ])
      expect(client).toHaveProperty(method, expect.any(Function));
  }
});

test("the types of a kind with every shape are as in gen.golden.txt", () => {
  const { "types.ts": types } = generated(testCatalog());
  const widget =
    types.match(
      /^(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:type|interface) (?:Widget\w*|Shape)\b(?:[^\n]*;$|[\s\S]*?^}$)/gm,
    ) ?? [];
  const file = join(import.meta.dirname, "gen.golden.txt");
  expect(`${widget.join("\n\n")}\n`).toBe(readFileSync(file, "utf8"));
});
