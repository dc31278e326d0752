// A packed catalog says what its descriptors say.
import { expect, test } from "@jest/globals";
import { catalog } from "./catalog.ts";
import type { FieldFacts, TypeFacts } from "./facts.ts";
import { packCatalog, unpackCatalog } from "./packed.ts";
import { testCatalog } from "./testing/index.ts";

const typeFacts = (type: TypeFacts): unknown => {
  if (type.type === "message") return type.fields.map(fieldFacts);
  if (type.type === "enum") return type.desc.values.map(({ name, number }) => [name, number, type.desc.sharedPrefix]);
  return type.type === "list" || type.type === "map" ? [type.type, typeFacts(type.of)] : type.type;
};

/** All that a surface reads, in plain values. */
const fieldFacts = ({ desc, type, oneof, options, comment, ...rest }: FieldFacts): unknown => {
  const { size, range, format, keyFormat, pattern, example, unit, default: usual, fixedDefault } = options ?? {};
  const limits = [size, range].map((one) => one && [one.min, one.max]);
  return {
    ...rest,
    type: typeFacts(type),
    desc: [desc.jsonName, desc.scalar, desc.parent.typeName],
    oneof: oneof && [oneof.name, oneof.localName, oneof.fields.map(({ name }) => name)],
    options: options && [...limits, format, keyFormat, pattern, example, unit, usual, fixedDefault],
  };
};

test.each([
  ["the test catalog", testCatalog()],
  ["the catalog", catalog()],
])("unpackCatalog() reads what packCatalog() wrote of %s", (_, whole) => {
  const unpacked = unpackCatalog(packCatalog(whole));
  expect(unpacked.kinds.map(({ noun }) => noun)).toEqual(whole.kinds.map(({ noun }) => noun));
  for (const kind of whole.kinds) {
    const found = unpacked.byNoun(kind.noun);
    expect(found?.fields.map(fieldFacts)).toEqual(kind.fields.map(fieldFacts));
    expect(found).toMatchObject({ typeName: kind.typeName, scope: kind.scope, isScope: kind.isScope });
    expect(found?.custom.map(({ desc }) => desc.name)).toEqual(kind.custom.map(({ desc }) => desc.name));
    expect(found?.standard.plan).toMatchObject({ permission: kind.standard.plan.permission });
  }
});

test("unpackCatalog() gives the messages of methods that are no plain change or read of a kind", () => {
  const unpacked = unpackCatalog(packCatalog(catalog()));
  const name = "iam.v1.IamTokenService/IssueToken";
  const [there, here] = [catalog().methods.get(name), unpacked.methods.get(name)];
  expect(here?.inputs.map(fieldFacts)).toEqual(there?.inputs.map(fieldFacts));
  expect(here?.outputs.map(fieldFacts)).toEqual(there?.outputs.map(fieldFacts));
  expect(() => unpacked.methods.get("prismnet.v1.VpcService/GetVpc")?.inputs).toThrow("are not packed");
  expect(unpacked.methods.get("prismnet.v1.VpcService/Nothing")).toBeUndefined();
});
