import { expect, test } from "@jest/globals";
import { Lanes } from "./lanes.ts";
import { kindOf, toySubnet, toyVpc } from "./testing/toy-backend.ts";

const [vpc, subnet] = [toyVpc.schema.typeName, toySubnet.schema.typeName];
const kinds = [kindOf(toyVpc), kindOf({ ...toySubnet, light: true })];

test("rooms() tells of each sort of kinds how many more may run, and of none that is full", () => {
  const lanes = new Lanes(kinds, { heavy: 1, light: 2 });
  const [heavyRoom, lightRoom] = [
    { kinds: [vpc], limit: 1 },
    { kinds: [subnet], limit: 2 },
  ];
  expect(lanes.rooms()).toEqual([heavyRoom, lightRoom]);
  const leave = lanes.enter(vpc);
  expect(lanes.rooms()).toEqual([lightRoom]);
  lanes.enter(subnet);
  expect(lanes.rooms()).toEqual([{ ...lightRoom, limit: 1 }]);
  leave();
  expect(lanes.rooms()).toEqual([heavyRoom, { ...lightRoom, limit: 1 }]);
});

test("rooms() names no sort that has no kinds", () => {
  expect(new Lanes([kindOf(toyVpc)], { heavy: 3, light: 5 }).rooms()).toEqual([{ kinds: [vpc], limit: 3 }]);
});
