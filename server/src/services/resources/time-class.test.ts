// How long an answer takes tells nothing: a foreign id is looked for as one that never was, by as many reads.
import { create as message, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import { simulatedDrivers } from "../../backends/detect.ts";
import { systemClock } from "../../clock.ts";
import { openSqliteStore } from "../../store/index.ts";
import type { Store, Tenant } from "../../store/store.ts";
import { type Counted, countReads } from "../../store/testing/counted.ts";
import { kinds } from "../kinds.ts";
import { createResources, type Resources } from "./index.ts";
import { callOf } from "./testing/fixture.ts";

const verbs = ["get", "batchGet", "update", "delete", "plan"] as const;
const foreignId = "thing-01h00000000000000000000001";
const missingId = "thing-01h00000000000000000000002";
let store: Store;
let resources: Resources;
let counted: Counted;

/** Kinds that tenants have of their own. */
const known = new Set(kinds.map(({ schema }) => schema.typeName));
const owned = catalog().kinds.filter((kind) => known.has(kind.typeName) && kind.scope !== Scope.SYSTEM);

const tenantFor = ({ scope }: Kind, org: string): Tenant => ({ org, project: scope === Scope.ORG ? "" : "alpha" });

beforeAll(async () => {
  store = await openSqliteStore({ file: ":memory:", clock: systemClock });
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const drivers = simulatedDrivers({ clock: systemClock });
  resources = createResources({ store, kinds, catalog: catalog(), clock: systemClock, random, drivers });
  // One of each in acme, as it would lie in the store.
  await store.transact(async (tx) => {
    for (const kind of owned) {
      const data = toBinary(kind.desc, message(kind.desc, { id: foreignId, name: "precious" }));
      const key = { tenant: tenantFor(kind, "acme"), kind: kind.typeName, id: foreignId };
      tx.create({ ...key, name: "precious", data, claims: [], references: [] });
    }
  });
  counted = countReads(store);
});
afterAll(async () => {
  counted.restore();
  await store.close();
});

function requestOf(kind: Kind, verb: (typeof verbs)[number], id: string) {
  const { org, project } = tenantFor(kind, "rival");
  const { input } = kind.standard[verb].desc;
  const resource = input.fields.find((field) => field.message?.typeName === kind.typeName);
  const held = resource === undefined ? {} : { [resource.localName]: message(kind.desc, { id, name: "other" }) };
  return message(input, { orgId: org, projectId: project, ...held, ...(verb === "batchGet" ? { ids: [id] } : { id }) });
}

describe.each(owned.map((kind) => [kind.noun, kind] as const))("%s", (_, kind) => {
  test.each(verbs)("%s", async (verb) => {
    const reads = (id: string) =>
      counted.of(() => resources.unary(kind, verb, requestOf(kind, verb, id), callOf({ method: verb })));
    const foreign = await reads(foreignId);
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign).toEqual(await reads(missingId));
  });

  test("its attributes for conditions", async () => {
    const reads = (id: string) => counted.of(() => resources.attributes(kind, tenantFor(kind, "rival"), id));
    expect(await reads(foreignId)).toEqual(await reads(missingId));
  });

  test("its own methods", async () => {
    const { org, project } = tenantFor(kind, "rival");
    for (const method of kind.custom) {
      const reads = (id: string) => {
        const request = message(method.desc.input, { orgId: org, projectId: project, id });
        return counted.of(() => resources.custom(kind, method, request, callOf({ method: method.desc.name })));
      };
      expect([method.desc.name, await reads(foreignId)]).toEqual([method.desc.name, await reads(missingId)]);
    }
  });
});
