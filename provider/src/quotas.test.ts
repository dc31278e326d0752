import { expect, test } from "@jest/globals";
import { QuotaTally, quotaUse } from "./quotas.ts";

const project = { scope: "org/acme/project/web", dimension: "vms", limit: 3, used: 1 };

test("quotaUse() reads whole numbers as Connect writes them", () => {
  const told = { scope: project.scope, dimension: "vms", limit: "3", asked: "2" };
  expect(quotaUse(told)).toEqual({ ...project, used: 0, asked: 2 });
});

test("QuotaTally.add() tells of what is asked together, quota by quota", () => {
  const tally = new QuotaTally();
  const one = { ...project, asked: 1 };
  expect([tally.add([one]), tally.add([one])]).toEqual([[], []]);
  expect(
    tally.add([
      { ...one, scope: "org/acme" },
      { ...one, dimension: "vcpus" },
    ]),
  ).toEqual([]);
  expect(tally.add([one])).toEqual([{ ...one, asked: 3 }]);
  // It is beyond its limit, and this adds nothing to it.
  expect(tally.add([{ ...one, asked: 0 }])).toEqual([]);
});
