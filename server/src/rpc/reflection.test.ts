// What reflection tells must be whole: every file resolves, and every alias has what it stands for.
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { packageAliases, packageOf, serviceAliases } from "./aliases.ts";
import { reflectedFiles } from "./reflected-files.ts";
import { indexSymbols } from "./symbols.ts";

const files = reflectedFiles(catalog(), []);

/** In the order in which a registry takes them: imports first. */
function ordered() {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    for (const imported of files.get(name)?.dependency ?? []) visit(imported);
    seen.add(name);
  };
  for (const name of files.keys()) visit(name);
  return [...seen].flatMap((name) => files.get(name) ?? []);
}

const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: ordered() }));

test("every service of the catalog is there", () => {
  for (const service of catalog().services) expect(registry.getService(service.typeName)).toBeDefined();
});

test.each(packageAliases)("$name has every service of $of, with messages of its own", ({ name, of }) => {
  for (const service of catalog().services.filter((s) => packageOf(s) === of)) {
    const other = registry.getService(`${name}.${service.name}`);
    expect(other?.methods.map((m) => m.name)).toEqual(service.methods.map((m) => m.name));
    for (const method of service.methods) {
      const input = other?.methods.find((m) => m.name === method.name)?.input;
      expect(input?.typeName).toBe(method.input.typeName.replace(`${of}.`, `${name}.`));
      expect(input?.fields.map((f) => `${f.number} ${f.name}`)).toEqual(
        method.input.fields.map((f) => `${f.number} ${f.name}`),
      );
    }
  }
});

test.each(serviceAliases)("$name has every method of the kinds of $unionOf", ({ name, unionOf }) => {
  const expected = catalog().kinds.filter((kind) => packageOf(kind.service) === unionOf);
  const methods = registry.getService(name)?.methods.map((m) => m.name);
  expect(methods).toEqual(expected.flatMap((kind) => kind.service.methods.map((m) => m.name)));
  expect(new Set(methods).size).toBe(methods?.length);
});

test("symbols are found by their full names, extensions by their numbers", () => {
  const symbols = indexSymbols(files.values());
  const cases = {
    "prismnet.v1.Vpc": "prismnet/v1/vpc.proto",
    "prismnet.v1.Vpc.cidr": "prismnet/v1/vpc.proto",
    "prismnet.v1.VpcService.CreateVpc": "prismnet/v1/vpc.proto",
    "novanet.v1.VpcService": "novanet/v1/vpc.proto",
    "photoncloud.api.v1.STATE_READY": "photoncloud/api/v1/api.proto",
    "photoncloud.meta.v1.permission": "photoncloud/meta/v1/meta.proto",
  };
  for (const [symbol, file] of Object.entries(cases)) expect(symbols.files.get(symbol)?.name).toBe(file);
  expect(symbols.extensions.get("google.protobuf.MethodOptions")?.get(50001)?.name).toBe(
    "photoncloud/meta/v1/meta.proto",
  );
});
