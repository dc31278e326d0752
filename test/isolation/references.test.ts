// Every annotated reference, at any depth, in every method that takes it: naming a stranger's resource is refused in the very words in which
// naming one that never was is refused, and leaves nothing behind on either side.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import { type ReferenceField, referenceFields } from "../../server/src/engine/references.ts";
import { type Answer, call, comparable, isJson, type Json, missing, pathOf } from "./calls.ts";
import { byMethod, inputOf } from "./inputs.ts";
import { type Caller, isShared, must, snapshot, startWorld, tenantOf, type World } from "./world.ts";

let world: World;
let before: unknown;
beforeAll(async () => {
  world = await startWorld();
  before = await snapshot(world);
});
afterAll(async () => {
  expect(await snapshot(world)).toEqual(before);
  await world.cloud.stop();
});

/** A copy with the id at a path (without indexes and keys): the first entry of lists, each entry of maps. */
function put(value: unknown, path: readonly string[], id: string): unknown {
  const [name, ...rest] = path;
  if (Array.isArray(value)) return value.map((element) => (isJson(element) ? put(element, path, id) : id));
  if (name === undefined || !isJson(value)) return id;
  if (!(name in value))
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, put(entry, path, id)]));
  return { ...value, [name]: put(value[name], rest, id) };
}

/** The requests that take a reference, with it. */
function requests(
  kind: Kind,
  { path }: ReferenceField,
  caller: Caller,
  id: string,
): readonly (readonly [string, Json])[] {
  const tenant = tenantOf(kind, caller.home);
  const own = caller.home.ids.get(kind.typeName);
  const input = put(inputOf(kind, { ...caller.home, chosen: path }, "borrowed"), path.split("."), id);
  const { create, update, plan } = kind.standard;
  const resource = isJson(input) ? input : {};
  const mask = { [kind.noun]: resource, update_mask: path.split(".", 1)[0] };
  return [
    [pathOf(create), { ...tenant, ...resource }],
    [pathOf(plan), { ...tenant, [kind.noun]: resource }],
    [pathOf(update), { ...tenant, id: own, ...mask }],
    [pathOf(plan), { ...tenant, id: own, ...mask }],
    ...customs(kind, path, caller, id),
  ];
}

/** Methods beside the standard ones whose bodies hold the last part of the path. */
function customs(kind: Kind, path: string, { home }: Caller, id: string): readonly (readonly [string, Json])[] {
  const last = path.split(".").at(-1) ?? "";
  const target = { ...tenantOf(kind, home), id: home.ids.get(kind.typeName) };
  return kind.custom.flatMap((method) => {
    const rule = byMethod[method.desc.name]?.(home).rule;
    if (!isJson(rule)) return [];
    const { remote_group_id: _, ...plain } = rule;
    return [[pathOf(method), { ...target, name: "borrowed", rule: { ...plain, [last]: id } }] as const];
  });
}

function rulesOf({ body }: Answer): readonly unknown[] {
  const [detail] = Array.isArray(body.details) ? body.details : [];
  const violations = isJson(detail) && isJson(detail.debug) ? detail.debug.violations : [];
  return Array.isArray(violations) ? violations.map((one: Json) => one.rule) : [];
}

async function count(kind: Kind, { home }: Caller): Promise<number> {
  const page = await must(
    world.url,
    pathOf(kind.standard.list),
    { ...tenantOf(kind, home), page_size: 1000 },
    world.admin,
  );
  const [rows] = Object.values(page).filter(Array.isArray);
  return rows?.length ?? 0;
}

const fields = catalog().kinds.flatMap((kind) =>
  referenceFields(kind.desc).map((field) => [`${kind.noun}.${field.path}`, kind, field] as const),
);

const sharedKinds = catalog()
  .kinds.filter(isShared)
  .map(({ typeName }) => typeName);

const everything = () => true;
// The administrator of a project has no business with what is the org's.
const inProjects = ({ scope }: Kind) => scope === Scope.PROJECT || scope === Scope.ANY;

describe.each([
  ["a foreign org's administrator", (): Caller => world.foreignOrgAdmin, everything],
  ["the other project's administrator", (): Caller => world.neighbour, inProjects],
])("%s", (_, callerOf, writes) => {
  const writable = fields.filter(([, kind]) => writes(kind));
  const ofOthers = writable.filter(([, , { kind }]) => !sharedKinds.includes(kind));
  test.each(ofOthers)("names nobody else's resource as %s", async (__, kind, field) => {
    const caller = callerOf();
    const id = world.owner.ids.get(field.kind) ?? "";
    const many = await count(kind, caller);
    const never = requests(kind, field, caller, missing(id));
    for (const [i, [path, body]] of requests(kind, field, caller, id).entries()) {
      const answer = await call(world.url, path, body, caller.token);
      const same = await call(world.url, path, never[i]?.[1] ?? {}, caller.token);
      expect({ path, code: answer.code, text: answer.text }).toMatchObject({ path, code: "invalid_argument" });
      expect(comparable(answer, id, id)).toBe(comparable(same, missing(id), id));
      expect(rulesOf(answer).every((rule) => rule === "unknown_reference" || rule === "immutable")).toBe(true);
    }
    expect(await count(kind, caller)).toBe(many);
  });

  // The role of a place is its project's, where nothing of the org finds it.
  const below = (kind: Kind, target: string) =>
    kind.scope === Scope.ORG && catalog().byTypeName(target)?.scope === Scope.ANY;
  const nameable = writable.filter(([, kind, field]) => !below(kind, field.kind));
  test.each(nameable)("may name its own as %s", async (__, kind, field) => {
    const caller = callerOf();
    const own = caller.home.ids.get(field.kind) ?? "";
    const [, plan] = requests(kind, field, caller, own);
    const { text } = await call(world.url, plan?.[0] ?? "", plan?.[1] ?? {}, caller.token);
    // Whatever else stands in the way (a port that is taken), it is not that there is no such thing.
    expect(text).not.toContain("unknown_reference");
  });
});

test("there are references at every depth", () => {
  expect(fields.map(([name]) => name)).toEqual(
    expect.arrayContaining(["subnet.vpc_id", "vm.spec.network.port_id", "security_group.rules.remote_group_id"]),
  );
});
