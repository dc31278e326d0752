import { expect, test } from "@jest/globals";
import { checkKinds } from "./check-kinds.ts";
import { kindOf, toySubnet, toyVpc } from "./testing/toy-backend.ts";

test("checkKinds() takes good kinds", () => {
  expect(() => checkKinds([kindOf(toyVpc), kindOf({ ...toySubnet, doesNotWaitFor: ["vpc_id"] })])).not.toThrow();
});

test.each([
  {
    kinds: [kindOf({ ...toySubnet, doesNotWaitFor: ["vpc"] })],
    message: 'prismnet.v1.Subnet: doesNotWaitFor names "vpc", but its references are vpc_id',
  },
  {
    kinds: [kindOf({ ...toySubnet, steps: [...toySubnet.steps, ...toySubnet.steps] })],
    message: 'two steps named "switch"',
  },
  { kinds: [kindOf(toyVpc), kindOf(toyVpc)], message: "prismnet.v1.Vpc is given to the engine twice" },
  { kinds: [{ ...kindOf(toyVpc), schema: toySubnet.schema }], message: "has the reconciler of prismnet.v1.Vpc" },
])("checkKinds() refuses: $message", ({ kinds, message }) => {
  expect(() => checkKinds(kinds)).toThrow(message);
});
