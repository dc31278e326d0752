import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { FakeCloud, FakeError } from "./testing/cloud.ts";
import { filled, nothing, Played, shown } from "./testing/played.ts";
import { widget } from "./testing/widget.ts";

const basic = { name: "gear", color: "red" };

let played: Played;

beforeEach(async () => {
  played = await Played.open();
});
afterEach(() => played.close());

test("a long create tells the log what it waits for, each thing once", async () => {
  const said = ["MakingRoom", "MakingRoom", "Starting", "Starting", ""].map((reason) => ({
    state: reason === "" ? "STATE_READY" : "STATE_CREATING",
    reason,
    message: reason && `${reason} takes its time`,
  }));
  played.cloud = new FakeCloud(widget, filled);
  played.cloud.before = (verb, request) => {
    if (verb === "create") request.status = said[0] ?? {};
    if (verb === "get")
      for (const id of played.cloud.resources.keys()) played.cloud.change(id, { status: said.splice(0, 1)[0] ?? {} });
  };
  const written = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  await played.start();
  const made = await played.apply(nothing, basic);
  const lines = written.mock.calls.map(([line]): { "@level": string; "@message": string } => JSON.parse(String(line)));
  written.mockRestore();
  expect(made.diagnostics).toEqual([]);
  const waits = lines.map((line) => [line["@level"], line["@message"].replace(/widget-\S+/, "ID")]);
  expect(waits).toEqual(
    ["MakingRoom", "Starting"].map((reason) => ["info", `Waiting for widget ID ${reason}: ${reason} takes its time`]),
  );
});

describe("a create that was not ready when its apply ended", () => {
  const creating = { state: "STATE_CREATING" };
  const cutShort = async () => {
    played.cloud.before = (verb, request) => {
      if (verb === "create") request.status = creating;
    };
    const made = await played.apply(nothing, { ...basic, timeouts: { create: "200ms", update: "200ms" } });
    return { made, config: { ...basic, timeouts: { create: "200ms", update: "200ms" } } };
  };
  const ready = () =>
    played.cloud.change([...played.cloud.resources.keys()][0] ?? "", { status: { state: "STATE_READY" } });

  test("is a warning, so that Terraform does not destroy it, and is waited for by the next apply", async () => {
    const { made, config } = await cutShort();
    expect(made.severities).toEqual([2]);
    const again = await played.plan(await played.read(made), config);
    expect(shown(again.plannedState)).toEqual({ ...made.shown, create_time: "?" });
    setTimeout(ready, 20);
    const waited = await played.apply(await played.read(made), config);
    expect([waited.diagnostics, waited.shown]).toEqual([[], made.shown]);
    expect(played.cloud.calls.filter(({ verb }) => verb === "create" || verb === "update")).toHaveLength(1);
    expect(shown((await played.plan(await played.read(waited), config)).plannedState)).toEqual(made.shown);
  });

  test("is nothing to wait for once a read has found it ready", async () => {
    const { made, config } = await cutShort();
    ready();
    expect(shown((await played.plan(await played.read(made), config)).plannedState)).toEqual(made.shown);
  });

  test("is an error of the apply that waits in vain again, and goes on to be waited for", async () => {
    const { made, config } = await cutShort();
    const again = await played.apply(await played.read(made), config);
    expect([again.severities, again.shown]).toEqual([[1], made.shown]);
    expect(shown((await played.plan(await played.read(again), config)).plannedState)).toHaveProperty(
      "create_time",
      "?",
    );
  });
});

describe("a create whose answer was lost", () => {
  const lose = () => {
    played.cloud.after = (verb) => {
      if (verb === "create") throw new FakeError("unavailable", "", "the connection broke");
    };
  };

  test("is taken up by the next process with the same configuration", async () => {
    lose();
    expect((await played.apply(nothing, basic)).shown).toBeNull();
    expect(played.cloud.resources.size).toBe(1);
    played.cloud.after = () => {};
    played.journal.close();
    await played.start();
    expect(readdirSync(played.folder)).toHaveLength(1);
    const made = await played.apply(nothing, basic);
    expect([made.diagnostics, made.shown?.id]).toEqual([[], [...played.cloud.resources.keys()][0]]);
    expect(played.cloud.resources.size).toBe(1);
    played.journal.close();
    expect(readdirSync(played.folder)).toEqual([]);
  });

  test("is made anew where somebody deleted it meanwhile", async () => {
    lose();
    await played.apply(nothing, basic);
    played.cloud.after = () => {};
    played.cloud.resources.clear();
    played.journal.close();
    await played.start();
    const made = await played.apply(nothing, basic);
    expect(made.diagnostics).toEqual([]);
    expect(played.cloud.resources.has(String(made.shown?.id))).toBe(true);
  });

  test("is not taken up by another configuration, nor is what somebody else made", async () => {
    lose();
    await played.apply(nothing, basic);
    played.cloud.after = () => {};
    played.journal.close();
    await played.start();
    expect((await played.apply(nothing, { ...basic, color: "blue" })).diagnostics.join()).toContain("exists");
  });

  test("is not taken up twice in one run", async () => {
    const first = await played.apply(nothing, basic);
    expect(first.diagnostics).toEqual([]);
    expect((await played.apply(nothing, basic)).diagnostics.join()).toContain("It exists already");
  });
});
