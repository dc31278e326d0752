import { readFileSync } from "node:fs";
import { ScalarType } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { catalog, catalogText, elementType, type Field, type Kind, Open, Scope } from "./index.ts";
import { testCatalog } from "./testing/index.ts";

const kinds = testCatalog().kinds;

function everyField(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => {
    const type = elementType(field.type);
    return [field, ...(type.type === "message" && !field.outputOnly ? everyField(type.fields) : [])];
  });
}

test("the catalog is as the golden file says (npm run generate writes it anew)", () => {
  expect(catalogText(catalog())).toBe(readFileSync(new URL("../catalog.golden.txt", import.meta.url), "utf8"));
});

describe.each(kinds.map((kind): [string, Kind] => [kind.typeName, kind]))("%s", (_, kind) => {
  const fields = everyField(kind.fields);
  const named = (name: string) => kind.fields.find((field) => field.name === name);

  test("has the common fields under the common numbers", () => {
    const numbers = Object.fromEntries(kind.fields.map((field) => [field.name, field.desc.number]));
    expect(numbers).toMatchObject({
      id: 1,
      name: 4,
      labels: 5,
      etag: 6,
      create_time: 7,
      update_time: 8,
      status: 9,
      owner: 10,
    });
    expect(named("org_id")?.desc.number).toBe(kind.scope === Scope.SYSTEM ? undefined : 2);
    expect(named("project_id")?.desc.number).toBe(
      kind.scope === Scope.PROJECT || kind.scope === Scope.ANY ? 3 : undefined,
    );
  });

  test("keeps unset and empty apart in every input that may be left out", () => {
    const flat = fields.filter(
      (f) => !f.presence && !f.required && !f.outputOnly && f.type.type !== "list" && f.type.type !== "map",
    );
    expect(flat.map((f) => f.name).filter((name) => !["id", "org_id", "project_id", "name"].includes(name))).toEqual(
      [],
    );
  });

  test("has a comment on the kind and on each method, and flags that go together", () => {
    expect(kind.comment).not.toBe("");
    for (const method of [...Object.values(kind.standard), ...kind.custom])
      expect([method.desc.name, method.comment]).not.toContain("");
    for (const field of fields) {
      if (field.volatile || field.once) expect(field.outputOnly).toBe(true);
      if (field.required) expect(field.serverDefault || field.outputOnly).toBe(false);
      if (field.inputOnly) expect(field.sensitive).toBe(true);
      if (field.unordered) expect(field.type.type).toBe("list");
      if (field.follows !== "") {
        expect(field.serverDefault || field.outputOnly).toBe(true);
        expect(field.desc.parent.fields.map(({ name }) => name)).toContain(field.follows);
      }
      if (field.options?.fixedDefault) {
        expect(field.serverDefault).toBe(true);
        expect(field.options.default).toMatch(/^(true|false|-?\d+|[a-z][a-z0-9_]*)$/);
        expect(["bool", "int32", "int64", "enum"]).toContain(field.type.type);
      }
    }
  });

  test("has methods beside the standard ones that name one resource, and streams nothing but watches", () => {
    const tenant = {
      [Scope.PROJECT]: ["org_id", "project_id"],
      [Scope.ANY]: ["org_id", "project_id"],
      [Scope.ORG]: ["org_id"],
    };
    const needed = [...(Object.entries(tenant).find(([scope]) => Number(scope) === kind.scope)?.[1] ?? []), "id"];
    for (const { desc } of kind.custom) {
      const given = desc.input.fields.filter((f) => f.scalar === ScalarType.STRING).map((f) => f.name);
      expect([desc.name, desc.methodKind, given]).toEqual([desc.name, "unary", expect.arrayContaining(needed)]);
    }
  });

  test("refers to kinds that exist", () => {
    const references = fields.map((field) => field.reference).filter((name) => name !== "");
    expect(references.filter((name) => testCatalog().byTypeName(name) === undefined)).toEqual([]);
  });

  test("names {area}:{plural}:{verb} as the permission of each method", () => {
    const permissions = [...Object.values(kind.standard), ...kind.custom].map((method) => method.permission);
    for (const permission of permissions) expect(permission).toMatch(new RegExp(`^[a-z]+:${kind.plural}:[a-z_]+$`));
  });
});

test("every method of every service names a permission or says that it is open, never both", () => {
  const wrong = [...testCatalog().methods].filter(
    ([, method]) => (method.permission === "") === (method.open === Open.UNSPECIFIED),
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
});
