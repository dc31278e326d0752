import { expect, test } from "@jest/globals";
import { bearerOf } from "./headers.ts";

test.each([
  ["Bearer abc.DEF-_~+/=", "abc.DEF-_~+/="],
  ["bearer abc", "abc"],
  ["BEARER   abc ", "abc"],
  ["Basic abc", ""],
  ["Bearerabc", ""],
  ["", ""],
  [null, ""],
])("bearerOf(%j) is %j (RFC 6750, section 2.1)", (header, token) => expect(bearerOf(header)).toBe(token));
