import { expect, test } from "@jest/globals";
import { parseFilter } from "./filter.ts";

test("parseFilter() takes URNs, truth values and several attributes", () => {
  expect(parseFilter('urn:ietf:params:scim:schemas:core:2.0:User:userName Eq "a \\"b\\"" AND active eq True')).toEqual([
    { path: ["userName"], value: 'a "b"' },
    { path: ["active"], value: true },
  ]);
});
