// A party dies at each call of a create, an update and a delete, of every kind: Terraform with its provider, the provider, the server. The
// next apply ends with exactly what is declared: nothing twice, nothing left behind, nothing lost.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { resolved } from "./every-field/state.ts";
import { Drawer, type Resources, resourcesOf, type Subject, standing, subjectsOf } from "./every-field/subject.ts";
import type { Death } from "./faults/mortal.ts";
import { callsOf, idsOf, type Json, type Operation, operations, prepare, Sweep, type Swept } from "./faults/sweep.ts";
import { reattach } from "./reattached.ts";
import { administrator, type Login, Workspace } from "./workspace.ts";

let cloud: TestCloud;
let login: Login;
const drawer = new Drawer(1);
/** One of each kind. */
const subjects = subjectsOf(catalog().kinds, drawer).filter(({ name }) => name === "labels");
/** What the blocks refer to, made once; by address. */
let stands: Readonly<Record<string, Json>> = {};

beforeAll(async () => {
  cloud = await startTestCloud();
  login = await administrator(cloud);
  stands = await made(
    standing(
      subjects.map((s) => s.block()),
      drawer,
    ),
  );
});

afterAll(() => cloud.stop());

async function made(resources: Resources): Promise<Readonly<Record<string, Json>>> {
  // Terraform takes no empty list of resources.
  if (Object.keys(resources).length === 0) return {};
  const provider = await reattach(login);
  const workspace = await Workspace.open(login, "", provider.env);
  try {
    workspace.writeJson({ resource: resourcesOf([], resources) });
    await workspace.apply();
    return await workspace.state();
  } finally {
    workspace.close();
    provider.close();
  }
}

const sweptOf = (subject: Subject): Swept => ({
  login,
  subject,
  config: resolved(subject.block(), stands) as Json,
});

async function tryDeath(of: Swept, operation: Operation, death: Death | "deaf"): Promise<void> {
  const sweep = new Sweep(of);
  const others = await idsOf(of);
  const there = async () => (await idsOf(of)).filter((id) => !others.includes(id));
  try {
    await prepare(sweep, operation);
    const { id } = sweep;
    await sweep.die(operation, death);
    await sweep.live(operation);
    expect((await sweep.live(operation)).changed).toBe(false);
    expect(await there()).toEqual(operation === "delete" ? [] : [sweep.id]);
    if (operation === "update") expect(sweep.id).toBe(id);
    await sweep.live("delete");
    expect(await there()).toEqual([]);
  } finally {
    sweep.close();
  }
}

test("no kind is left out", () => {
  expect(subjects.map(({ kind }) => kind)).toEqual(catalog().kinds);
});

describe.each(subjects.map((s) => [s.kind.noun, s] as const))("a %s", (_noun, subject) => {
  test.each(operations)(
    "whose %s is cut short anywhere is there once after the next apply, or gone",
    async (operation) => {
      const of = sweptOf(subject);
      const calls = await callsOf(of, operation);
      const deaths = calls.flatMap((changes, call): Death[] => [
        { of: "provider", call, when: "before" },
        // After a call that changes nothing is before the next one.
        ...(changes ? (["provider", "server"] as const).map((of): Death => ({ of, call, when: "after" })) : []),
      ]);
      for (const death of [...deaths, "deaf"] as const)
        await tryDeath(of, operation, death).catch((cause: unknown) => {
          throw new Error(`${operation}, ${JSON.stringify(death)}: ${String(cause)}`, { cause });
        });
    },
  );
});
