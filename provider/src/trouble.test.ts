import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FakeCloud, FakeError } from "./testing/cloud.ts";
import { filled, nothing, Played, signal } from "./testing/played.ts";
import { widget } from "./testing/widget.ts";

const basic = { name: "gear", color: "red" };

let played: Played;

beforeEach(async () => {
  played = await Played.open();
});
afterEach(() => played.close());

describe("when the cloud is not as it should be", () => {
  test.each([
    ["STATE_FAILED", "failed", "no host has room"],
    ["STATE_CREATING", "is not ready in time", "timeouts"],
  ])("a create in %s is reported beside its state", async (state, ...words) => {
    played.cloud = new FakeCloud(widget, (r) =>
      filled({ ...r, status: { state, reason: "NoHost", message: "no host has room" } }),
    );
    played.cloud.before = (verb, request) => {
      if (verb === "create") request.status = { state, reason: "NoHost", message: "no host has room" };
    };
    await played.start();
    const made = await played.apply(nothing, { ...basic, timeouts: { create: "300ms" } });
    expect(made.shown).toMatchObject({ name: "gear", color: "red" });
    for (const word of words) expect(made.diagnostics.join()).toContain(word);
  });

  test("an etag that only an output moved is taken again; a change by somebody else stops the update", async () => {
    const made = await played.apply(nothing, basic);
    const [id = ""] = played.cloud.resources.keys();
    played.cloud.change(id, { spins: "7" });
    const updated = await played.apply(made, { ...basic, color: "blue" });
    expect([updated.diagnostics, updated.shown?.color]).toEqual([[], "blue"]);
    played.cloud.change(id, { note: "mine" });
    const refused = await played.apply(updated, { ...basic, color: "green" });
    expect(refused.diagnostics.join()).toContain("Run terraform plan again");
    expect(refused.shown).toEqual(updated.shown);
    expect((await played.apply(updated, null)).diagnostics.join()).toContain("changed outside");
  });

  test("errors land on their attributes, and say the permission and the request", async () => {
    played.cloud.before = () => {
      throw new FakeError("invalid_argument", "INVALID_FIELDS", "bad", {
        violations: [{ path: 'slots["left"].amount', rule: "range", message: "too many" }],
      });
    };
    const answer = await played.apply(nothing, { ...basic, slots: { left: { name: "l" } } });
    expect(answer.diagnostics).toEqual(['Invalid value (range): slots["left"].amount: too many.\n\nRequest id: req-1']);
    played.cloud.before = () => {
      throw new FakeError("permission_denied", "PERMISSION_DENIED", "no", { permission: "test:widgets:create" });
    };
    expect((await played.apply(nothing, basic)).diagnostics[0]).toContain("test:widgets:create");
  });

  test("deleting what is gone is success; what is still referred to is tried again", async () => {
    const made = await played.apply(nothing, basic);
    let refusals = 2;
    played.cloud.before = (verb) => {
      if (verb === "delete" && refusals-- > 0) throw new FakeError("failed_precondition", "STILL_REFERENCED", "in use");
    };
    expect(await played.apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
    expect(await played.apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
  });

  test.each([
    ["settled", 0],
    ["accepted", 1],
  ] as const)("a removal that is answered as %s is looked for %d times", async (receipt, looks) => {
    const made = await played.apply(nothing, basic);
    played.cloud.after = (verb, _, terms) => {
      if (verb === "delete") terms.onReceipt?.(receipt);
    };
    expect(await played.apply(made, null)).toMatchObject({ diagnostics: [], shown: null });
    expect(played.cloud.calls.filter(({ verb }) => verb === "get")).toHaveLength(looks);
  });

  test("StopProvider ends a wait, and what was made is kept", async () => {
    played.cloud.before = (verb, request) => {
      if (verb === "create") request.status = { state: "STATE_CREATING" };
      if (verb === "get") void played.provider.stopProvider({}, signal());
    };
    const made = await played.apply(nothing, basic);
    expect(made.diagnostics.join()).toContain("was stopped");
    expect(made.shown).toMatchObject({ name: "gear" });
  });
});
