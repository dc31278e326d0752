// How long an answer of IAM takes tells nothing: what another org has is looked for as what never was, by as many reads, by every method of every kind
// and by those that name a principal.
import { type DescMessage, type Message, create as message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import { ResetFactorsRequestSchema } from "@photoncloud/proto/gen/iam/v1/account_pb";
import { ExplainRequestSchema } from "@photoncloud/proto/gen/iam/v1/authz_pb";
import {
  ListPrincipalSessionsRequestSchema,
  RevokeSessionsRequestSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { type Counted, countReads } from "../../store/testing/counted.ts";
import { callBy, openWorld, textOf, type World } from "./testing/world.ts";

const admin = "user:system/admin";
/** Administers the org that asks. */
const mallory = "user:rival/mallory";
const verbs = ["get", "batchGet", "list", "update", "delete", "plan"] as const;
const kinds = catalog().kinds.filter(({ component, scope }) => component === "iam" && scope !== Scope.SYSTEM);
const ids = new Map<string, string>();
let world: World;
let counted: Counted;

/** One of each kind, in the org acme. */
const made: Readonly<Record<string, Record<string, unknown>>> = {
  group: { id: "precious" },
  guardrail: { statements: [{ action: "compute:vms:delete" }] },
  identity_provider: { id: "corp", issuer: "https://login.acme.example", clientId: "cloud" },
  invitation: { email: "zoe@acme.example" },
  project: { id: "precious" },
  role: { id: "precious", permissions: [{ action: "compute:vms:get" }] },
  role_binding: { principal: "user:acme/alice", roleId: "ProjectViewer" },
  service_account: { id: "precious" },
  service_account_key: { serviceAccountId: "bot" },
  federated_credential: { serviceAccountId: "bot", issuer: "https://ci.acme.example", subject: "s", audience: "a" },
  user: { id: "precious-one" },
};

beforeAll(async () => {
  // Without following the log: nothing else reads meanwhile.
  world = await openWorld({ start: false });
  await world.bind(mallory, "OrgAdmin", { orgId: "rival" });
  for (const [noun, init] of Object.entries(made))
    ids.set(noun, textOf(await world.create(admin, noun, { orgId: "acme", ...init }), "id"));
  counted = countReads(world.store);
});
afterAll(async () => {
  counted.restore();
  await world.close();
});

test("every kind of an org has one that is asked for", () => {
  expect(kinds.map(({ noun }) => noun).toSorted()).toEqual(Object.keys(made).toSorted());
});

/** As `id`, and one that nobody has. */
const never = (id: string) => `${id.slice(0, -1)}${id.endsWith("9") ? "8" : "9"}`;

function requestOf(kind: Kind, desc: DescMessage, id: string, more: Record<string, unknown> = {}): Message {
  const resource = desc.fields.find((field) => field.message?.typeName === kind.typeName);
  const held = resource === undefined ? {} : { [resource.localName]: message(kind.desc, { labels: { a: "b" } }) };
  return message(desc, { orgId: "rival", ...held, id, ids: [id], filter: `id = "${id}"`, ...more });
}

describe.each(kinds.map((kind) => [kind.noun, kind] as const))("%s", (noun, kind) => {
  /** What is read of the id that another org has, and of one that nobody has. */
  async function both(ask: (id: string) => Promise<unknown>): Promise<void> {
    const id = ids.get(noun) ?? "";
    const foreign = await counted.of(() => ask(id));
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign).toEqual(await counted.of(() => ask(never(id))));
  }

  test.each(verbs)("%s", (verb) =>
    both((id) =>
      world.resources.unary(kind, verb, requestOf(kind, kind.standard[verb].desc.input, id), callBy(mallory)),
    ),
  );

  test("the plan of a deletion", async () => {
    const { input } = kind.standard.plan.desc;
    if (!input.fields.some(({ name }) => name === "deletion")) return;
    await both((id) =>
      world.resources.unary(kind, "plan", requestOf(kind, input, id, { deletion: true }), callBy(mallory)),
    );
  });

  test("its own methods", async () => {
    for (const method of kind.custom)
      await both((id) => world.resources.custom(kind, method, requestOf(kind, method.desc.input, id), callBy(mallory)));
  });
});

describe("methods that name a principal", () => {
  test.each([
    ["ListPrincipalSessions", ListPrincipalSessionsRequestSchema],
    ["RevokeSessions", RevokeSessionsRequestSchema],
    ["ResetFactors", ResetFactorsRequestSchema],
  ] as const)("%s reads as much for another org's as for nobody's", async (method, schema) => {
    const reads = (principalId: string) =>
      counted.of(() => world.handle(method, schema, { orgId: "rival", principalId }, callBy(mallory)));
    const foreign = await reads("alice");
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign).toEqual(await reads("alicf"));
  });

  test("Explain answers nothing, and reads as much, about another org's principal as about nobody's", async () => {
    const ask = (principal: string) => ({
      principal,
      action: "compute:vms:get",
      resource: "org/rival/project/alpha/vm/vm-1",
    });
    const reads = (principal: string) =>
      counted.of(() => world.handle("Explain", ExplainRequestSchema, ask(principal), callBy(mallory)));
    // What was changed a moment ago is read once, whoever asks next.
    await reads("user:acme/bob");
    expect(await reads("user:acme/alice")).toEqual(await reads("user:acme/alicf"));
  });
});
