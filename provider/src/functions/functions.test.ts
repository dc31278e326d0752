import { describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { toJson } from "../cty/json.ts";
import { codec } from "../cty/msgpack.ts";
import { type Type, typeFromJson } from "../cty/type.ts";
import type { Value } from "../cty/value.ts";
import { functionHandlers, wireFunctions } from "./index.ts";

const handlers = functionHandlers(testCatalog());
const schemas = wireFunctions(testCatalog());
const typeOf = (bytes: Uint8Array): Type => typeFromJson(JSON.parse(Buffer.from(bytes).toString()));

/** The result, or what is wrong with which argument. */
async function call(name: string, ...args: readonly Value[]): Promise<unknown> {
  const { parameters, variadicParameter, return: returns } = schemas[name] ?? {};
  const wire = args.map((value, at) => {
    const type = parameters?.[at]?.type ?? variadicParameter?.type ?? Buffer.from('"string"');
    return { msgpack: codec(typeOf(type)).encode(value), json: Buffer.alloc(0) };
  });
  const { result, error } = await handlers.callFunction({ name, arguments: wire }, new AbortController().signal);
  if (error) return [error.functionArgument, error.text];
  if (returns === undefined || result?.msgpack === undefined) return undefined;
  return JSON.parse(toJson(codec(typeOf(returns.type)).decode(result.msgpack)));
}

describe("cidr functions answer", () => {
  test.each<[string, readonly Value[], unknown]>([
    ["cidr_at", ["10.0.0.0/16", 24, 0], "10.0.0.0/24"],
    ["cidr_at", ["10.0.0.0/16", 24, 255], "10.0.255.0/24"],
    ["cidr_at", ["10.0.0.0/16", 24, -1], "10.0.255.0/24"],
    ["cidr_at", ["10.0.0.0/16", 16, 0], "10.0.0.0/16"],
    ["cidr_at", ["fd00::/48", 64, 1], "fd00:0:0:1::/64"],
    ["cidr_at", ["0.0.0.0/0", 32, -1], "255.255.255.255/32"],
    ["cidr_next", ["10.0.0.0/16", 24, []], "10.0.0.0/24"],
    ["cidr_next", ["10.0.0.0/16", 24, ["10.0.0.0/24", "10.0.2.0/24"]], "10.0.1.0/24"],
    ["cidr_next", ["10.0.0.0/16", 24, ["10.0.0.0/28"]], "10.0.1.0/24"],
    ["cidr_next", ["10.0.0.0/16", 28, ["10.0.0.0/20", "fd00::/64"]], "10.0.16.0/28"],
    [
      "cidr_carve",
      ["10.0.0.0/16", 24, 26, 26, 20, 24],
      ["10.0.0.0/24", "10.0.1.0/26", "10.0.1.64/26", "10.0.16.0/20", "10.0.2.0/24"],
    ],
    ["cidr_carve", ["10.0.0.0/16"], []],
    ["cidr_contains", ["10.0.0.0/16", "10.0.1.0/24"], true],
    ["cidr_contains", ["10.0.1.0/24", "10.0.0.0/16"], false],
    ["cidr_contains", ["10.0.0.0/16", "10.0.255.255"], true],
    ["cidr_contains", ["10.0.0.0/16", "fd00::1"], false],
    ["cidr_overlaps", ["10.0.0.0/16", "10.0.1.0/24"], true],
    ["cidr_overlaps", ["10.0.0.0/24", "10.0.1.0/24"], false],
  ])("%s(%j) is %j", async (name, args, expected) => {
    expect(await call(name, ...args)).toEqual(expected);
  });
});

test("cidr_at() and cidr_carve() agree where every block has one size", async () => {
  const carved = await call("cidr_carve", "10.0.0.0/20", ...Array<number>(16).fill(24));
  const counted = await Promise.all(Array.from({ length: 16 }, (_, i) => call("cidr_at", "10.0.0.0/20", 24, i)));
  expect(carved).toEqual(counted);
});

describe("resource paths", () => {
  const rows: readonly [string, readonly [string, string, string, string]][] = [
    ["org/acme/project/web/vm/vm-1", ["acme", "web", "vm", "vm-1"]],
    ["org/acme/project/web/vm", ["acme", "web", "vm", ""]],
    ["org/acme/project/web", ["acme", "web", "", ""]],
    ["org/acme/user/alice", ["acme", "", "user", "alice"]],
    ["host/h-1", ["", "", "host", "h-1"]],
    ["", ["", "", "", ""]],
  ];
  test.each(rows)("%j is built from its parts and taken apart again", async (path, parts) => {
    const [org_id, project_id, type, id] = parts;
    expect(await call("resource_path", ...parts)).toBe(path);
    expect(await call("parse_resource_path", path)).toEqual({ org_id, project_id, type, id });
  });

  test.each([
    ["org/acme/project/web/vm/vm-1", "acme/web/vm-1"],
    ["org/acme/user/alice", "acme/alice"],
    ["host/h-1", "h-1"],
  ])("import_id(%j) is %j", async (path, id) => {
    expect(await call("import_id", path)).toBe(id);
  });
});

describe("errors point at the argument", () => {
  test.each<[string, readonly Value[], number, string]>([
    ["cidr_at", ["10.0.0.1/16", 24, 0], 0, "it has host bits set; write 10.0.0.0/16"],
    ["cidr_at", ["10.0.0.0/16", 8, 0], 1, "8 was given; a whole number from 16 to 32 is needed"],
    ["cidr_at", ["10.0.0.0/16", 24.5, 0], 1, "24.5 was given"],
    ["cidr_at", ["10.0.0.0/16", 24, 256], 2, "a whole number from -256 to 255 is needed"],
    ["cidr_next", ["10.0.0.0/24", 25, ["10.0.0.0/25", "10.0.0.128/25"]], 1, "no free block of a /25"],
    ["cidr_next", ["10.0.0.0/24", 25, ["nonsense"]], 2, '"nonsense" was given'],
    ["cidr_next", ["10.0.0.0/24", 25, [null]], 2, "null was given"],
    ["cidr_carve", ["10.0.0.0/24", 25, 25, 25], 3, "no free block of a /25"],
    ["cidr_overlaps", ["10.0.0.0/24", "10.0.0.0"], 1, "network is needed"],
    ["resource_path", ["acme", "web", "vmm", "x"], 2, "the types are "],
    ["resource_path", ["acme/web", "", "", ""], 0, "can't be a part of a path"],
    ["resource_path", ["", "web", "", ""], 0, "give the org's id too"],
    ["resource_path", ["acme", "", "", "x"], 2, "give the type too"],
    ["parse_resource_path", ["org/acme/*"], 0, "is no resource path"],
    ["parse_resource_path", ["org/acme/project/web/a/b/c"], 0, "is no resource path"],
    ["import_id", ["org/acme"], 0, "names no resource"],
  ])("%s(%j): argument %i, %s", async (name, args, at, text) => {
    expect(await call(name, ...args)).toEqual([at, expect.stringContaining(text)]);
  });

  test("a function that does not exist is named", async () => {
    expect(await call("toString")).toEqual([undefined, "The PhotonCloud provider has no function toString."]);
  });
});

test("GetFunctions tells what the schema tells", async () => {
  const { functions } = await handlers.getFunctions({}, new AbortController().signal);
  expect(functions).toEqual(schemas);
});
