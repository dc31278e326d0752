// What each kind of IAM announces of its writes, and that plans are silent.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { catalog, type StandardVerb } from "@photoncloud/proto";
import { simulatedDrivers } from "../../backends/detect.ts";
import { createResources, type Resources } from "../resources/index.ts";
import { announced, type Heralds } from "./announced.ts";
import { principalName } from "./principal-name.ts";
import { callBy, kindOf, openWorld, textOf, type World } from "./testing/world.ts";

const acme = { orgId: "acme" };
const heard: string[] = [];
const heralds: Heralds = {
  grant: ({ kind, id }, expected) => void heard.push(`${kind} ${id} ${expected}`),
  principal: (identity) => void heard.push(principalName(identity)),
};
let world: World;
let resources: Resources;
beforeAll(async () => {
  world = await openWorld();
  const { store, clock, iam } = world;
  const kinds = iam.kinds.map((kind) => announced(kind, heralds));
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  resources = createResources({
    store,
    kinds,
    clock,
    random,
    catalog: catalog(),
    drivers: simulatedDrivers({ clock }),
  });
});
afterAll(() => world.close());

/** What is announced of a call, once however often its transaction ran, and the id of what it was about. */
async function told(noun: string, verb: Exclude<StandardVerb, "watch">, init: Record<string, unknown>) {
  heard.splice(0);
  const kind = kindOf(noun);
  const request = create(kind.standard[verb].desc.input, init);
  const answer = await resources.unary(kind, verb, request, callBy("user:system/admin"));
  return { told: [...new Set(heard)], id: textOf(answer, "id") };
}

const get = { action: "compute:vms:get" };
const bot = () => "service_account:acme/bot";
const cases: readonly (readonly [string, Record<string, unknown>, (id: string, version: string) => string])[] = [
  ["role", { id: "one", permissions: [get] }, (id, version) => `iam.v1.Role ${id} ${version}`],
  ["group", { id: "one" }, (id, version) => `iam.v1.Group ${id} ${version}`],
  ["guardrail", { id: "one", statements: [get] }, (id, version) => `iam.v1.Guardrail ${id} ${version}`],
  [
    "role_binding",
    { principal: "user:acme/alice", roleId: "ProjectViewer" },
    (id, version) => `iam.v1.RoleBinding ${id} ${version}`,
  ],
  ["user", { id: "one" }, (id) => `user:acme/${id}`],
  ["service_account", { id: "two" }, (id) => `service_account:acme/${id}`],
  ["service_account_key", { serviceAccountId: "bot" }, bot],
  [
    "federated_credential",
    { serviceAccountId: "bot", issuer: "https://ci.example", subject: "main", audience: "https://cloud.test" },
    bot,
  ],
];

test.each(cases)("%s: its creation and its deletion are announced, its plan is not", async (noun, init, line) => {
  const kind = kindOf(noun);
  const values = { ...acme, ...init };
  const field = kind.standard.plan.desc.input.fields.find(({ message }) => message?.typeName === kind.typeName);
  expect((await told(noun, "plan", { ...acme, [field?.localName ?? ""]: values })).told).toEqual([]);
  const made = await told(noun, "create", values);
  expect(made.told).toEqual([line(made.id, "1")]);
  expect((await told(noun, "delete", { ...acme, id: made.id })).told).toEqual([line(made.id, "gone")]);
});

test.each(["group", "user", "service_account"])(
  "%s: a deletion that is only planned is not announced",
  async (noun) => {
    const { id } = await told(noun, "create", { ...acme, id: "planned" });
    expect((await told(noun, "plan", { ...acme, id, deletion: true })).told).toEqual([]);
    await told(noun, "delete", { ...acme, id });
  },
);

test("a principal's boundary is announced as what decides, where it changes", async () => {
  await told("service_account", "create", { ...acme, id: "prog" });
  const bound = { ...acme, id: "prog", serviceAccount: { permissionBoundaryRoleId: "ProjectViewer" } };
  const both = ["service_account:acme/prog", "iam.v1.ServiceAccount prog 2"];
  expect((await told("service_account", "update", bound)).told).toEqual(both);
  const named = { ...acme, id: "prog", serviceAccount: { name: "The program" } };
  expect((await told("service_account", "update", named)).told).toEqual(["service_account:acme/prog"]);
});
