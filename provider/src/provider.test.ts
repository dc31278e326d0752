import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { objectType } from "./attribute.ts";
import { codec } from "./cty/msgpack.ts";
import { isMap } from "./cty/value.ts";
import { dataSourceSchema } from "./schema.ts";
import { capable, decoded, type Held, noBytes, nothing, Played, shown, signal, typeName } from "./testing/played.ts";
import { complete, toValue, widget } from "./testing/widget.ts";

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

let played: Played;

beforeEach(async () => {
  played = await Played.open();
});
afterEach(() => played.close());

describe("the resource, over its life", () => {
  test("creates every shape, reads it back as it was written, and plans nothing", async () => {
    const made = await played.apply(nothing, everything);
    expect(made.diagnostics).toEqual([]);
    expect(made.shown).toMatchObject({
      due: everything.due,
      patience: "90m",
      blob: "YQ",
      note: "",
      widget_count: 0,
      parts: [{ name: "p", colors: [] }],
    });
    const [stored] = played.cloud.resources.values();
    expect(stored).toMatchObject({
      big: "1152921504606846977",
      shape: 1,
      due: "2026-01-01T00:00:00Z",
      patience: "5400s",
      orgId: "acme",
      count: 0,
      parts: [{ name: "p" }],
    });
    const again = await played.read(made);
    expect(again.shown).toEqual(made.shown);
    const planned = await played.plan(again, everything);
    expect(shown(planned.plannedState)).toEqual(made.shown);
    expect(planned.diagnostics ?? []).toEqual([]);
  });

  test("updates only what changes, with the etag of what was read", async () => {
    const made = await played.apply(nothing, everything);
    const changed = await played.apply(made, {
      ...everything,
      color: "blue",
      varnish: undefined,
      paint: "tar",
      notes: {},
    });
    expect(changed.diagnostics).toEqual([]);
    expect(played.cloud.calls.at(-1)?.request).toMatchObject({ etag: "e1", updateMask: "color,notes,paint" });
    expect(changed.shown).toMatchObject({ color: "blue", paint: "tar", notes: {} });
  });

  test("sends nothing where only the provider's own attributes change", async () => {
    const made = await played.apply(nothing, basic);
    const calls = played.cloud.calls.length;
    expect((await played.apply(made, { ...basic, timeouts: { create: "1m" } })).shown).toMatchObject({
      timeouts: { create: "1m" },
    });
    expect(played.cloud.calls).toHaveLength(calls);
  });

  test("shows drift, and that it is gone", async () => {
    const made = await played.apply(nothing, everything);
    const [id = ""] = played.cloud.resources.keys();
    played.cloud.change(id, { color: "green", patience: "60s" });
    expect((await played.read(made)).shown).toMatchObject({ color: "green", patience: "1m", due: everything.due });
    played.cloud.resources.delete(id);
    expect((await played.read(made)).shown).toBeNull();
  });

  test("sends a write-only value and keeps it nowhere", async () => {
    const made = await played.apply(nothing, { ...basic, passphrase: "correct horse" });
    expect(played.cloud.calls[0]?.request.passphrase).toBe("correct horse");
    expect(JSON.stringify(made.shown) + made.private.toString()).not.toContain("correct horse");
    const changed = await played.apply(made, { ...basic, passphrase: "battery staple", passphrase_version: 2 });
    expect(played.cloud.calls.at(-1)?.request).toMatchObject({
      updateMask: "passphrase",
      widget: { passphrase: "battery staple" },
    });
    expect(changed.diagnostics).toEqual([]);
  });

  test("imports by id and by path, and then plans nothing", async () => {
    const made = await played.apply(nothing, { ...basic, tags: ["b", "a"] });
    const [id = ""] = played.cloud.resources.keys();
    for (const given of [id, `acme/web/${id}`]) {
      const imported = await played.provider.importResourceState(
        { typeName, id: given, clientCapabilities: capable, identity: undefined },
        signal(),
      );
      const found = await played.read({ state: imported.importedResources?.[0]?.state, private: noBytes });
      expect(found.shown).toEqual(made.shown);
      expect(shown((await played.plan(found, { ...basic, tags: ["a", "b"] })).plannedState)).toEqual(made.shown);
    }
    const refused = await played.provider.importResourceState(
      { typeName, id: "a/b/c/d", clientCapabilities: capable, identity: undefined },
      signal(),
    );
    expect(refused.diagnostics?.[0]?.detail).toContain("ID or ORG/PROJECT/ID is allowed");
  });

  test("reads that come together are one call", async () => {
    const held: Held[] = [];
    for (const name of ["a", "b", "c"]) held.push(await played.apply(nothing, { ...basic, name }));
    played.cloud.calls.length = 0;
    const answers = await Promise.all(held.map((one) => played.read(one)));
    expect(answers.map((a) => a.shown?.name)).toEqual(["a", "b", "c"]);
    expect(played.cloud.calls.map((c) => c.verb)).toEqual(["batchGet"]);
  });

  test("finds a data source by name and by id, with what changes by itself", async () => {
    await played.apply(nothing, basic);
    const schema = dataSourceSchema(widget);
    const data = codec(objectType(schema.attributes));
    const config = { msgpack: data.encode(complete(schema.attributes, toValue({ name: "gear" }))), json: noBytes };
    const answer = await played.provider.readDataSource(
      { typeName, config, providerMeta: undefined, clientCapabilities: capable },
      signal(),
    );
    const value = data.decode(answer.state?.msgpack ?? noBytes);
    expect(isMap(value) && value.get("etag")).toBe("e1");
    const missing = { msgpack: data.encode(complete(schema.attributes, toValue({ name: "other" }))), json: noBytes };
    const refused = await played.provider.readDataSource(
      { typeName, config: missing, providerMeta: undefined, clientCapabilities: capable },
      signal(),
    );
    expect(refused.diagnostics?.[0]?.detail).toContain('no widget is named "other"');
  });
});

test("upgradeResourceState() keeps every digit and drops what the schema no longer has", async () => {
  const json = Buffer.from('{"name":"gear","color":"red","big":9007199254740993,"old":true}');
  const answer = await played.provider.upgradeResourceState(
    { typeName, version: 0, rawState: { json, flatmap: {} } },
    signal(),
  );
  const value = decoded(answer.upgradedState);
  expect(isMap(value) && value.get("big")).toBe(9007199254740993n);
});
