// A party dies at each call of a create, an update and a delete, of every kind: Terraform with its provider, the provider, the server. The
// next apply ends with exactly what is declared: nothing twice, nothing left behind, nothing lost.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { camelCase, catalog, type Kind } from "@photoncloud/proto";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { resolved } from "./every-field/state.ts";
import {
  attributesOf,
  Drawer,
  type Resources,
  resourcesOf,
  type Subject,
  standing,
  subjectsOf,
} from "./every-field/subject.ts";
import { type Death, Killed, Mortal } from "./faults/mortal.ts";
import { type Declared, run, StateFile } from "./faults/run.ts";
import { shown } from "./played.ts";
import { reattach } from "./reattached.ts";
import { type Login, Workspace } from "./workspace.ts";

type Json = Readonly<Record<string, unknown>>;

let cloud: TestCloud;
let login: Login;
const drawer = new Drawer(1);
/** One of each kind. */
const subjects = subjectsOf(catalog().kinds, drawer).filter(({ name }) => name === "labels");
/** What the blocks refer to, made once; by address. */
let stands: Readonly<Record<string, Json>> = {};

beforeAll(async () => {
  cloud = await startTestCloud();
  await cloud.tenant("acme-corp", "project-alpha");
  login = { url: cloud.url, token: await cloud.adminToken(), orgId: "acme-corp", projectId: "project-alpha" };
  stands = await made(
    standing(
      subjects.map((s) => s.block()),
      drawer,
    ),
  );
}, 120_000);

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

/** The ids of all that there is of a kind where its blocks live. */
async function idsOf({ kind }: Subject, config: Json): Promise<string[]> {
  const { org_id: orgId = login.orgId, project_id: projectId = login.projectId } = config;
  const method = `${kind.service.typeName}/${kind.standard.list.desc.name}`;
  const { status, body } = await postJson(login.url, method, { orgId, projectId, pageSize: 1000 }, login.token);
  if (status !== 200) throw new Error(JSON.stringify(body));
  const items = body[camelCase(kind.plural)];
  return Array.isArray(items) ? items.map((item: { id: string }) => item.id).sort() : [];
}

const operations = ["create", "update", "delete"] as const;
type Operation = (typeof operations)[number];

/** One resource, in a working directory of its own or in another's. */
class Sweep {
  readonly subject: Subject;
  readonly file = new StateFile();
  readonly folder: string;
  readonly #config: Json;

  constructor(subject: Subject, folder = mkdtempSync(join(tmpdir(), "p"))) {
    this.subject = subject;
    this.folder = folder;
    this.#config = resolved(subject.block(), stands) as Json;
  }

  get config(): Json {
    return this.#config;
  }

  declared(operation: Operation | "nothing"): Declared {
    const { kind, type } = this.subject;
    const changed = { ...this.#config, labels: { team: "web" } };
    const config = operation === "create" ? this.#config : operation === "update" ? changed : null;
    return { typeName: type, attributes: attributesOf(kind), config };
  }

  /** A run in which nobody dies: its calls, and whether it changed something. */
  async live(
    operation: Operation,
    commandLine: readonly string[] = [],
  ): Promise<{ calls: readonly boolean[]; changed: boolean }> {
    const mortal = await Mortal.start(login, this.folder, undefined, commandLine);
    try {
      const changed = await run(mortal, this.declared(operation), this.file);
      return { calls: mortal.calls, changed };
    } finally {
      mortal.shutdown();
    }
  }

  /** A run in which somebody dies, if the death comes. `deaf`: Terraform dies before it writes the state. */
  async die(operation: Operation, death: Death | "deaf"): Promise<void> {
    const mortal = await Mortal.start(login, this.folder, death === "deaf" ? undefined : death);
    this.file.deaf = death === "deaf";
    try {
      await run(mortal, this.declared(operation), this.file);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    } finally {
      this.file.deaf = false;
      await mortal.kill();
    }
  }

  /** The id in the state, "" where there is none. */
  get id(): string {
    const state = shown(attributesOf(this.subject.kind), this.file.held?.state);
    return typeof state?.id === "string" ? state.id : "";
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const before: Readonly<Record<Operation, readonly Operation[]>> = {
  create: [],
  update: ["create"],
  delete: ["create"],
};

async function tryDeath(subject: Subject, operation: Operation, death: Death | "deaf"): Promise<void> {
  const sweep = new Sweep(subject);
  const others = await idsOf(subject, sweep.config);
  const there = async () => (await idsOf(subject, sweep.config)).filter((id) => !others.includes(id));
  try {
    for (const earlier of before[operation]) await sweep.live(earlier);
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

async function callsOf(subject: Subject, operation: Operation): Promise<readonly boolean[]> {
  const sweep = new Sweep(subject);
  try {
    for (const earlier of before[operation]) await sweep.live(earlier);
    const { calls } = await sweep.live(operation);
    await sweep.live("delete");
    return calls;
  } finally {
    sweep.close();
  }
}

const nounOf = ({ kind }: { readonly kind: Kind }): string => kind.noun;

describe.each(subjects.map((s) => [nounOf(s), s] as const))("a %s", (_noun, subject) => {
  test.each(operations)(
    "whose %s is cut short anywhere is there once after the next apply, or gone",
    async (operation) => {
      const calls = await callsOf(subject, operation);
      const deaths = calls.flatMap((changes, call): Death[] => [
        { of: "provider", call, when: "before" },
        // After a call that changes nothing is before the next one.
        ...(changes ? (["provider", "server"] as const).map((of): Death => ({ of, call, when: "after" })) : []),
      ]);
      for (const death of [...deaths, "deaf"] as const)
        await tryDeath(subject, operation, death).catch((cause: unknown) => {
          throw new Error(`${operation}, ${JSON.stringify(death)}: ${String(cause)}`, { cause });
        });
    },
    60_000,
  );
});

describe("of two blocks that say the same", () => {
  const subject = subjects.find(({ kind }) => kind.noun === "service_account");
  let one: Sweep;
  let other: Sweep;

  beforeEach(() => {
    if (subject === undefined) throw new Error("there are no service accounts");
    one = new Sweep(subject);
    other = new Sweep(subject, one.folder);
  });
  afterEach(async () => {
    for (const each of [one, other]) await each.live("delete");
    expect(await idsOf(one.subject, one.config)).not.toContain(one.id);
    one.close();
  });

  /** No call is the thousandth: the provider dies when all is done. */
  const whenDone: Death = { of: "provider", call: 1_000, when: "before" };

  test("none takes up what the state holds of the other, though the provider died before it tidied up", async () => {
    await one.die("create", whenDone);
    const { id } = one;
    // What one process has read in the state, the next one knows.
    expect((await one.live("create")).changed).toBe(false);
    await other.live("create");
    expect([one.id, other.id === id]).toEqual([id, false]);
  });

  test("none takes it up though -target keeps it from being read", async () => {
    await one.die("create", whenDone);
    const { id } = one;
    await other.live("create", ["terraform", "apply", "-target=the.other"]);
    expect(other.id).not.toBe(id);
    expect((await one.live("create")).changed).toBe(false);
    expect((await other.live("create")).changed).toBe(false);
  });

  test("the one that is named by -target is taken up where its answer was lost", async () => {
    const others = await idsOf(one.subject, one.config);
    await one.die("create", { of: "provider", call: (await callsOf(one.subject, "create")).length - 1, when: "after" });
    await one.live("create", ["terraform", "apply", "-target=the.one"]);
    expect((await idsOf(one.subject, one.config)).filter((id) => !others.includes(id))).toEqual([one.id]);
  });
});
