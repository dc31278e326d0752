// How often a plan that finds nothing to do asks the cloud: once for each page of each kind.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { kindsOf, networks } from "../../bench/terraform/configurations.ts";
import { between, doneBy } from "../../bench/terraform/server-figures.ts";
import { as, Stage } from "./stage.ts";
import type { Workspace } from "./workspace.ts";

/** Of each kind more than Terraform reads at a time. */
const counts = { vpc: 12, subnet: 12, port: 12 };
const kinds = kindsOf(counts);

let stage: Stage;
let workspace: Workspace;

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  workspace = await stage.open(networks(counts));
  await workspace.apply();
});

afterAll(() => stage.close());

test("a plan that finds nothing to do asks once for each page of each kind", async () => {
  let fewest = Number.POSITIVE_INFINITY;
  // On a busy machine the first read of a kind may come so long before the second that it is asked for alone: the best of many counts.
  for (const deadline = Date.now() + 60_000; fewest > kinds && Date.now() < deadline; ) {
    const before = await doneBy(stage.cloud.url);
    expect(await workspace.plan()).toEqual({});
    const asked = between(before, await doneBy(stage.cloud.url)).calls;
    expect(asked).toBeLessThanOrEqual(2 * kinds);
    fewest = Math.min(fewest, asked);
  }
  expect(fewest).toBe(kinds);
});
