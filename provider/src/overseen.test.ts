import { expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import type { Attribute } from "./attribute.ts";
import { unknown, type Value } from "./cty/value.ts";
import { overseen } from "./overseen.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { dataSourceSchema, resourceSchema } from "./schema.ts";
import { BlockCodec } from "./wire.ts";

const kind = testCatalog().byNoun("widget");
if (kind === undefined) throw new Error("the test kind is missing");
const [resource, dataSource] = [resourceSchema(kind).attributes, dataSourceSchema(kind).attributes];

const block = (attributes: readonly Attribute[], given: Readonly<Record<string, Value>>) =>
  new BlockCodec(attributes).encode(new Map(attributes.map(({ name }) => [name, given[name] ?? null])));

const fine = { name: "gear", color: "red" };
const broken = { ...fine, serial: unknown };
const typeName = "photoncloud_widget";

/** Handlers that answer this, whatever they are asked. */
function answering(given: Readonly<Record<string, Value>>) {
  const state = block(resource, given);
  const handlers = {
    upgradeResourceState: async () => ({ upgradedState: state }),
    moveResourceState: async () => ({ targetState: state }),
    importResourceState: async () => ({ importedResources: [{ typeName, state }] }),
    readDataSource: async () => ({ state: block(dataSource, given) }),
    openEphemeralResource: async () => ({ result: block(dataSource, given) }),
    generateResourceConfig: async () => ({ config: state }),
    async *listResource() {
      yield { resourceObject: state };
    },
  } satisfies Handlers;
  return overseen(handlers, { resource: () => resource, dataSource: () => dataSource, ephemeral: () => dataSource });
}

const { signal } = new AbortController();

/** What the oracle says of each answer; the requests hold what it reads of them. */
async function told(given: Readonly<Record<string, Value>>, config = fine): Promise<Record<string, readonly string[]>> {
  const handlers = answering(given);
  const request = {
    typeName,
    targetTypeName: typeName,
    config: { ...block(dataSource, config), json: Buffer.alloc(0) },
  };
  const said: Record<string, readonly string[]> = {};
  for (const [name, handler] of Object.entries(handlers)) {
    const answer: unknown = (handler as (request: unknown, signal: AbortSignal) => unknown)(request, signal);
    const one = name === "listResource" ? await (answer as AsyncGenerator<object>).next() : { value: await answer };
    const { diagnostics, diagnostic } = one.value as Record<string, readonly { detail: string }[] | undefined>;
    said[name] = (diagnostics ?? diagnostic ?? []).map(({ detail }) => detail);
  }
  return said;
}

const names = Object.keys(answering(fine));
const each = (expected: unknown) => Object.fromEntries(names.map((name) => [name, expected]));

test("overseen() says nothing of answers that Terraform takes", async () => {
  expect(await told(fine)).toEqual(each([]));
});

test("overseen() finds what is unknown in each of them", async () => {
  const serial = expect.stringContaining("serial is still unknown");
  expect(await told(broken)).toEqual({
    ...each([serial]),
    generateResourceConfig: [serial, expect.stringContaining("serial is the cloud's")],
  });
});

test("overseen() finds what was read and does not show what was configured", async () => {
  const { readDataSource, openEphemeralResource } = await told({ ...fine, name: "other" });
  const wrong = [expect.stringContaining("name is not as configured")];
  expect([readDataSource, openEphemeralResource]).toEqual([wrong, wrong]);
});
