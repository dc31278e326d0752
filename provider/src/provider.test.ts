import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { type Attribute, objectType, type Shape } from "./attribute.ts";
import { toJson } from "./cty/json.ts";
import { codec } from "./cty/msgpack.ts";
import { isMap, Unknown, unknown, type Value, type ValueMap } from "./cty/value.ts";
import { Journal } from "./journal.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";
import type { Handlers } from "./plugin/provider-methods.ts";
import { createProvider } from "./provider.ts";
import { providerAttributes } from "./provider-config.ts";
import { dataSourceSchema, resourceSchema } from "./schema.ts";
import { FakeCloud, FakeError } from "./testing.ts";

const kind = testCatalog().byNoun("widget");
if (kind === undefined) throw new Error("the test kind is missing");
const { attributes } = resourceSchema(kind);
const typeName = "photoncloud_widget";

const toValue = (json: unknown): Value => {
  if (json === unknown) return unknown;
  if (Array.isArray(json)) return json.map(toValue);
  if (isJsonObject(json)) return new Map(Object.entries(json).map(([k, v]) => [k, toValue(v)]));
  return json as Value;
};

function complete(within: readonly Attribute[], value: Value): ValueMap {
  const given = isMap(value) ? value : new Map<string, Value>();
  return new Map(within.map((a): [string, Value] => [a.name, completeShape(a.shape, given.get(a.name) ?? null)]));
}

function completeShape(shape: Shape, value: Value): Value {
  if (shape.kind === "object" && isMap(value)) return complete(shape.attributes, value);
  if (shape.kind === "map" && isMap(value)) return new Map([...value].map(([k, v]) => [k, completeShape(shape.of, v)]));
  if ((shape.kind === "list" || shape.kind === "set") && Array.isArray(value))
    return value.map((v: Value) => completeShape(shape.of, v));
  return value;
}

const no = Buffer.alloc(0);
const types = codec(objectType(attributes));
const wire = (value: Value) => ({ msgpack: types.encode(value), json: no });
const block = (json: Record<string, unknown>) => wire(complete(attributes, toValue(json)));
const capable = { deferralAllowed: false, writeOnlyAttributesAllowed: true };
type Wire = { readonly msgpack?: Uint8Array } | undefined;
const decoded = (value: Wire): Value =>
  value?.msgpack === undefined || value.msgpack.length === 0 ? null : types.decode(value.msgpack);
/** A value as plain JSON, without what is null. */
const shown = (value: Wire): Record<string, unknown> | null => {
  const given = decoded(value);
  if (!isMap(given)) return null;
  return Object.fromEntries(
    [...given]
      .filter(([, v]) => v !== null)
      .map(([k, v]) => [k, v instanceof Unknown ? "?" : (JSON.parse(toJson(v)) as unknown)]),
  );
};

const filled = (resource: JsonObject): JsonObject => ({
  nickname: resource.name ?? "",
  createTime: "2026-01-01T00:00:00Z",
  owner: "user:acme/alice",
  serial: "s-1",
  ...resource,
  ...(isJsonObject(resource.size) ? { size: { height: 1, ...resource.size, area: "1" } } : {}),
});

let folder: string;
let cloud: FakeCloud;
let provider: Required<Handlers>;
let journal: Journal;

const never = async (): Promise<never> => {
  throw new Error("unimplemented");
};
const all = (handlers: Handlers): Required<Handlers> =>
  new Proxy(handlers, { get: (h, name) => Reflect.get(h, name) ?? never }) as Required<Handlers>;

/** A provider process: what it had in memory is forgotten. */
async function start(): Promise<void> {
  journal = new Journal(folder);
  const env = { PHOTON_PROVIDER_ORACLE: "1", PHOTON_PLAN_CHECKS: "false" };
  provider = all(createProvider({ env, catalog: testCatalog(), journal: async () => journal, connect: () => cloud }));
  const given = { endpoint: "http://cloud.example", token: "t", org_id: "acme", project_id: "web" };
  const config = codec(objectType(providerAttributes)).encode(complete(providerAttributes, toValue(given)));
  const { diagnostics } = await provider.configureProvider(
    { terraformVersion: "1.11.4", config: { msgpack: config, json: no }, clientCapabilities: capable },
    signal(),
  );
  expect(diagnostics ?? []).toEqual([]);
}

const signal = () => new AbortController().signal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "photon-journal-"));
  cloud = new FakeCloud(kind, filled);
  await start();
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Held {
  readonly state: Wire;
  readonly private: Buffer;
}
const nothing: Held = { state: undefined, private: no };

const asRequest = (value: Wire) => ({ msgpack: Buffer.from(value?.msgpack ?? no), json: no });

async function plan(held: Held, config: Record<string, unknown> | null) {
  const wanted = config === null ? wire(null) : block(config);
  const request = {
    typeName,
    priorState: asRequest(held.state),
    proposedNewState: wanted,
    config: wanted,
    priorPrivate: held.private,
  };
  return provider.planResourceChange(
    { ...request, providerMeta: undefined, clientCapabilities: capable, priorIdentity: undefined },
    signal(),
  );
}

async function apply(held: Held, config: Record<string, unknown> | null, stop = signal()) {
  const planned = await plan(held, config);
  expect(planned.diagnostics ?? []).toEqual([]);
  const request = {
    typeName,
    priorState: asRequest(held.state),
    plannedState: asRequest(planned.plannedState),
    config: config === null ? wire(null) : block(config),
  };
  const answer = await provider.applyResourceChange(
    { ...request, plannedPrivate: planned.plannedPrivate ?? no, providerMeta: undefined, plannedIdentity: undefined },
    stop,
  );
  const diagnostics = (answer.diagnostics ?? []).map((d) => `${d.summary}: ${d.detail}`);
  return {
    state: answer.newState,
    private: Buffer.from(answer.private ?? no),
    diagnostics,
    /** 1: an error, 2: a warning. */
    severities: (answer.diagnostics ?? []).map(({ severity }) => severity),
    shown: shown(answer.newState),
  };
}

async function read(held: Held) {
  const request = { typeName, currentState: asRequest(held.state), private: held.private, providerMeta: undefined };
  const answer = await provider.readResource(
    { ...request, clientCapabilities: capable, currentIdentity: undefined },
    signal(),
  );
  return {
    state: answer.newState,
    private: Buffer.from(answer.private ?? no),
    diagnostics: answer.diagnostics ?? [],
    shown: shown(answer.newState),
  };
}

const basic = { name: "gear", color: "red" };
/** Every shape that a field may have. */
const everything = {
  ...basic,
  material: "oak",
  note: "",
  widget_count: 0,
  big: 2n ** 60n + 1n,
  huge: 2n ** 62n,
  ratio: 0.1,
  enabled: false,
  blob: "YQ",
  shape: "round",
  due: "2026-01-01T09:00:00+09:00",
  patience: "90m",
  size: { width: 1 },
  steps: ["b", "a"],
  tags: ["y", "x"],
  parts: [{ name: "p", colors: [] }],
  spares: [{ name: "s", amount: 2 }],
  notes: { "a.b": "c" },
  slots: { left: { name: "l", shape: "square" } },
  varnish: { matte: true },
  timeouts: { create: "5m" },
};

describe("the resource, over its life", () => {
  test("creates every shape, reads it back as it was written, and plans nothing", async () => {
    const made = await apply(nothing, everything);
    expect(made.diagnostics).toEqual([]);
    expect(made.shown).toMatchObject({
      due: everything.due,
      patience: "90m",
      blob: "YQ",
      note: "",
      widget_count: 0,
      parts: [{ name: "p", colors: [] }],
    });
    const [stored] = cloud.resources.values();
    expect(stored).toMatchObject({
      big: "1152921504606846977",
      shape: 1,
      due: "2026-01-01T00:00:00Z",
      patience: "5400s",
      orgId: "acme",
      count: 0,
      parts: [{ name: "p" }],
    });
    const again = await read(made);
    expect(again.shown).toEqual(made.shown);
    const planned = await plan(again, everything);
    expect(shown(planned.plannedState)).toEqual(made.shown);
    expect(planned.diagnostics ?? []).toEqual([]);
  });

  test("updates only what changes, with the etag of what was read", async () => {
    const made = await apply(nothing, everything);
    const changed = await apply(made, { ...everything, color: "blue", varnish: undefined, paint: "tar", notes: {} });
    expect(changed.diagnostics).toEqual([]);
    expect(cloud.calls.at(-1)?.request).toMatchObject({ etag: "e1", updateMask: "color,notes,paint" });
    expect(changed.shown).toMatchObject({ color: "blue", paint: "tar", notes: {} });
  });

  test("sends nothing where only the provider's own attributes change", async () => {
    const made = await apply(nothing, basic);
    const calls = cloud.calls.length;
    expect((await apply(made, { ...basic, timeouts: { create: "1m" } })).shown).toMatchObject({
      timeouts: { create: "1m" },
    });
    expect(cloud.calls).toHaveLength(calls);
  });

  test("shows drift, and that it is gone", async () => {
    const made = await apply(nothing, everything);
    const [id = ""] = cloud.resources.keys();
    cloud.change(id, { color: "green", patience: "60s" });
    expect((await read(made)).shown).toMatchObject({ color: "green", patience: "1m", due: everything.due });
    cloud.resources.delete(id);
    expect((await read(made)).shown).toBeNull();
  });

  test("sends a write-only value and keeps it nowhere", async () => {
    const made = await apply(nothing, { ...basic, passphrase: "correct horse" });
    expect(cloud.calls[0]?.request.passphrase).toBe("correct horse");
    expect(JSON.stringify(made.shown) + made.private.toString()).not.toContain("correct horse");
    const changed = await apply(made, { ...basic, passphrase: "battery staple", passphrase_version: 2 });
    expect(cloud.calls.at(-1)?.request).toMatchObject({
      updateMask: "passphrase",
      widget: { passphrase: "battery staple" },
    });
    expect(changed.diagnostics).toEqual([]);
  });

  test("imports by id and by path, and then plans nothing", async () => {
    const made = await apply(nothing, { ...basic, tags: ["b", "a"] });
    const [id = ""] = cloud.resources.keys();
    for (const given of [id, `acme/web/${id}`]) {
      const imported = await provider.importResourceState(
        { typeName, id: given, clientCapabilities: capable, identity: undefined },
        signal(),
      );
      const found = await read({ state: imported.importedResources?.[0]?.state, private: no });
      expect(found.shown).toEqual(made.shown);
      expect(shown((await plan(found, { ...basic, tags: ["a", "b"] })).plannedState)).toEqual(made.shown);
    }
    const refused = await provider.importResourceState(
      { typeName, id: "a/b/c/d", clientCapabilities: capable, identity: undefined },
      signal(),
    );
    expect(refused.diagnostics?.[0]?.detail).toContain("ID or ORG/PROJECT/ID is allowed");
  });

  test("reads that come together are one call", async () => {
    const held: Held[] = [];
    for (const name of ["a", "b", "c"]) held.push(await apply(nothing, { ...basic, name }));
    cloud.calls.length = 0;
    const answers = await Promise.all(held.map(read));
    expect(answers.map((a) => a.shown?.name)).toEqual(["a", "b", "c"]);
    expect(cloud.calls.map((c) => c.verb)).toEqual(["batchGet"]);
  });

  test("finds a data source by name and by id, with what changes by itself", async () => {
    await apply(nothing, basic);
    const schema = dataSourceSchema(kind);
    const data = codec(objectType(schema.attributes));
    const config = { msgpack: data.encode(complete(schema.attributes, toValue({ name: "gear" }))), json: no };
    const answer = await provider.readDataSource(
      { typeName, config, providerMeta: undefined, clientCapabilities: capable },
      signal(),
    );
    const value = data.decode(answer.state?.msgpack ?? no);
    expect(isMap(value) && value.get("etag")).toBe("e1");
    const missing = { msgpack: data.encode(complete(schema.attributes, toValue({ name: "other" }))), json: no };
    const refused = await provider.readDataSource(
      { typeName, config: missing, providerMeta: undefined, clientCapabilities: capable },
      signal(),
    );
    expect(refused.diagnostics?.[0]?.detail).toContain('no widget is named "other"');
  });
});

test("a long create tells the log what it waits for, each thing once", async () => {
  const said = ["MakingRoom", "MakingRoom", "Starting", "Starting", ""].map((reason) => ({
    state: reason === "" ? "STATE_READY" : "STATE_CREATING",
    ...{ reason, message: reason && `${reason} takes its time` },
  }));
  cloud = new FakeCloud(kind, filled);
  cloud.before = (verb, request) => {
    if (verb === "create") request.status = said[0] ?? {};
    if (verb === "get")
      for (const id of cloud.resources.keys()) cloud.change(id, { status: said.splice(0, 1)[0] ?? {} });
  };
  const written = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  await start();
  const made = await apply(nothing, basic);
  const lines = written.mock.calls.map(([line]): { "@level": string; "@message": string } => JSON.parse(String(line)));
  written.mockRestore();
  expect(made.diagnostics).toEqual([]);
  const waits = lines.map((line) => [line["@level"], line["@message"].replace(/widget-\S+/, "ID")]);
  expect(waits).toEqual(
    ["MakingRoom", "Starting"].map((reason) => ["info", `Waiting for widget ID ${reason}: ${reason} takes its time`]),
  );
});

describe("when the cloud is not as it should be", () => {
  test.each([
    ["STATE_FAILED", "failed", "no host has room"],
    ["STATE_CREATING", "is not ready in time", "timeouts"],
  ])("a create in %s is reported beside its state", async (state, ...words) => {
    cloud = new FakeCloud(kind, (r) =>
      filled({ ...r, status: { state, reason: "NoHost", message: "no host has room" } }),
    );
    cloud.before = (verb, request) => {
      if (verb === "create") request.status = { state, reason: "NoHost", message: "no host has room" };
    };
    await start();
    const made = await apply(nothing, { ...basic, timeouts: { create: "300ms" } });
    expect(made.shown).toMatchObject({ name: "gear", color: "red" });
    for (const word of words) expect(made.diagnostics.join()).toContain(word);
  });

  test("an etag that only an output moved is taken again; a change by somebody else stops the update", async () => {
    const made = await apply(nothing, basic);
    const [id = ""] = cloud.resources.keys();
    cloud.change(id, { spins: "7" });
    const updated = await apply(made, { ...basic, color: "blue" });
    expect([updated.diagnostics, updated.shown?.color]).toEqual([[], "blue"]);
    cloud.change(id, { note: "mine" });
    const refused = await apply(updated, { ...basic, color: "green" });
    expect(refused.diagnostics.join()).toContain("Run terraform plan again");
    expect(refused.shown).toEqual(updated.shown);
    expect((await apply(updated, null)).diagnostics.join()).toContain("changed outside");
  });

  test("errors land on their attributes, and say the permission and the request", async () => {
    cloud.before = () => {
      throw new FakeError("invalid_argument", "INVALID_FIELDS", "bad", {
        violations: [{ path: 'slots["left"].amount', rule: "range", message: "too many" }],
      });
    };
    const answer = await apply(nothing, { ...basic, slots: { left: { name: "l" } } });
    expect(answer.diagnostics).toEqual(['Invalid value (range): slots["left"].amount: too many.\n\nRequest id: req-1']);
    cloud.before = () => {
      throw new FakeError("permission_denied", "PERMISSION_DENIED", "no", { permission: "test:widgets:create" });
    };
    expect((await apply(nothing, basic)).diagnostics[0]).toContain("test:widgets:create");
  });

  test("deleting what is gone is success; what is still referred to is tried again", async () => {
    const made = await apply(nothing, basic);
    let refusals = 2;
    cloud.before = (verb) => {
      if (verb === "delete" && refusals-- > 0) throw new FakeError("failed_precondition", "STILL_REFERENCED", "in use");
    };
    expect(await apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
    expect(await apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
  });

  test.each([
    ["settled", 0],
    ["accepted", 1],
  ] as const)("a removal that is answered as %s is looked for %d times", async (receipt, looks) => {
    const made = await apply(nothing, basic);
    cloud.after = (verb, _, terms) => {
      if (verb === "delete") terms.onReceipt?.(receipt);
    };
    expect(await apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
    expect(cloud.calls.filter(({ verb }) => verb === "get")).toHaveLength(looks);
  });

  test("StopProvider ends a wait, and what was made is kept", async () => {
    cloud.before = (verb, request) => {
      if (verb === "create") request.status = { state: "STATE_CREATING" };
      if (verb === "get") void provider.stopProvider({}, signal());
    };
    const made = await apply(nothing, basic);
    expect(made.diagnostics.join()).toContain("was stopped");
    expect(made.shown).toMatchObject({ name: "gear" });
  });
});

describe("a create that was not ready when its apply ended", () => {
  const creating = { state: "STATE_CREATING" };
  const cutShort = async () => {
    cloud.before = (verb, request) => {
      if (verb === "create") request.status = creating;
    };
    const made = await apply(nothing, { ...basic, timeouts: { create: "200ms", update: "200ms" } });
    return { made, config: { ...basic, timeouts: { create: "200ms", update: "200ms" } } };
  };
  const ready = () => cloud.change([...cloud.resources.keys()][0] ?? "", { status: { state: "STATE_READY" } });

  test("is a warning, so that Terraform does not destroy it, and is waited for by the next apply", async () => {
    const { made, config } = await cutShort();
    expect(made.severities).toEqual([2]);
    const again = await plan(await read(made), config);
    expect(shown(again.plannedState)).toEqual({ ...made.shown, create_time: "?" });
    setTimeout(ready, 20);
    const waited = await apply(await read(made), config);
    expect([waited.diagnostics, waited.shown]).toEqual([[], made.shown]);
    expect(cloud.calls.filter(({ verb }) => verb === "create" || verb === "update")).toHaveLength(1);
    expect(shown((await plan(await read(waited), config)).plannedState)).toEqual(made.shown);
  });

  test("is nothing to wait for once a read has found it ready", async () => {
    const { made, config } = await cutShort();
    ready();
    expect(shown((await plan(await read(made), config)).plannedState)).toEqual(made.shown);
  });

  test("is an error of the apply that waits in vain again, and goes on to be waited for", async () => {
    const { made, config } = await cutShort();
    const again = await apply(await read(made), config);
    expect([again.severities, again.shown]).toEqual([[1], made.shown]);
    expect(shown((await plan(await read(again), config)).plannedState)).toHaveProperty("create_time", "?");
  });
});

describe("a create whose answer was lost", () => {
  const lose = () => {
    cloud.after = (verb) => {
      if (verb === "create") throw new FakeError("unavailable", "", "the connection broke");
    };
  };

  test("is taken up by the next process with the same configuration", async () => {
    lose();
    expect((await apply(nothing, basic)).shown).toBeNull();
    expect(cloud.resources.size).toBe(1);
    cloud.after = () => {};
    journal.close();
    await start();
    expect(readdirSync(folder)).toHaveLength(1);
    const made = await apply(nothing, basic);
    expect([made.diagnostics, made.shown?.id]).toEqual([[], [...cloud.resources.keys()][0]]);
    expect(cloud.resources.size).toBe(1);
    journal.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is made anew where somebody deleted it meanwhile", async () => {
    lose();
    await apply(nothing, basic);
    cloud.after = () => {};
    cloud.resources.clear();
    journal.close();
    await start();
    const made = await apply(nothing, basic);
    expect(made.diagnostics).toEqual([]);
    expect(cloud.resources.has(String(made.shown?.id))).toBe(true);
  });

  test("is not taken up by another configuration, nor is what somebody else made", async () => {
    lose();
    await apply(nothing, basic);
    cloud.after = () => {};
    journal.close();
    await start();
    expect((await apply(nothing, { ...basic, color: "blue" })).diagnostics.join()).toContain("exists");
  });

  test("is not taken up twice in one run", async () => {
    const first = await apply(nothing, basic);
    expect(first.diagnostics).toEqual([]);
    expect((await apply(nothing, basic)).diagnostics.join()).toContain("It exists already");
  });
});

describe("validation", () => {
  const problems = async (config: Record<string, unknown>, client = capable) => {
    const { diagnostics } = await provider.validateResourceConfig(
      { typeName, config: block(config), clientCapabilities: client },
      signal(),
    );
    return (diagnostics ?? []).map((d) => {
      const steps = d.attribute?.steps?.map((s) => s.selector?.value) ?? [];
      return `${steps.join("/")}: ${d.detail}`;
    });
  };

  test.each<[string, Record<string, unknown>, string[]]>([
    ["nothing", basic, []],
    [
      "unknowns anywhere",
      {
        name: unknown,
        color: unknown,
        parts: [unknown, { name: unknown }],
        due: unknown,
        tags: [unknown],
        steps: [unknown],
        spares: unknown,
        shape: unknown,
      },
      [],
    ],
    [
      "a word that is no value of an enum",
      { ...basic, shape: "blue" },
      ['shape: "blue" was given; "round", "square" are allowed.'],
    ],
    [
      "a number beyond its range",
      { ...basic, widget_count: 1001 },
      ["widget_count: 1001 was given; 0 to 1000 is allowed."],
    ],
    ["a fraction", { ...basic, big: 1.5 }, ["big: 1.5 was given; a whole number is allowed."]],
    [
      "no duration",
      { ...basic, patience: "long" },
      ['patience: "long" was given; a duration, for example "1h30m" or "45s" is allowed.'],
    ],
    [
      "a timeout that is no duration",
      { ...basic, timeouts: { create: "x" } },
      ['timeouts: timeouts.create: "x" was given; a duration, for example "1h30m" or "45s" is allowed.'],
    ],
    [
      "two of one kind",
      { ...basic, paint: "a", polish: 1 },
      ["polish: paint is given too; at most one of paint, varnish, polish is allowed."],
    ],
  ])("finds %s", async (_name, config, expected) => {
    expect(await problems(config)).toEqual(expected);
  });

  test("finds all problems at once, each at its place", async () => {
    const found = await problems({ ...basic, name: "Not A Name", slots: { left: { name: "l", amount: -1 } } });
    expect(found.map((f) => f.split(":")[0]).sort()).toEqual(["name", "slots/left"]);
  });

  test("refuses a write-only value with a Terraform that would store it", async () => {
    const old = { deferralAllowed: false, writeOnlyAttributesAllowed: false };
    expect(await problems({ ...basic, passphrase: "correct horse" }, old)).toEqual([
      expect.stringContaining("Terraform 1.11 or newer"),
    ]);
  });
});

test("upgradeResourceState() keeps every digit and drops what the schema no longer has", async () => {
  const json = Buffer.from('{"name":"gear","color":"red","big":9007199254740993,"old":true}');
  const answer = await provider.upgradeResourceState(
    { typeName, version: 0, rawState: { json, flatmap: {} } },
    signal(),
  );
  const value = decoded(answer.upgradedState);
  expect(isMap(value) && value.get("big")).toBe(9007199254740993n);
});
