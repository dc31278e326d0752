import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { JsonSplitter } from "./splitter.ts";

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

const message = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()));

test("JsonSplitter finds the values of a stream however it is cut", () => {
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat()), (messages, cuts) => {
      const text = messages.map((value) => JSON.stringify(value));
      const splitter = new JsonSplitter();
      const found = pieces(Buffer.from(text.join("")), cuts).flatMap((piece) => splitter.push(piece));
      expect(found.map((value) => JSON.stringify(value))).toEqual(text);
    }),
  );
});

test.each([
  ["braces and quotes within strings", String.raw`{"a":"}{][\"\\"}`, 1],
  ["white space between values", '{"a":1}\n [2]\r\n{}', 3],
  ["a value that is not whole", '{"a":{"b":1}', 0],
])("JsonSplitter minds %s", (_name, text, count) => {
  expect(new JsonSplitter().push(Buffer.from(text))).toHaveLength(count);
});

test("JsonSplitter refuses what is not JSON", () => {
  expect(() => new JsonSplitter().push(Buffer.from("{nonsense}"))).toThrow(SyntaxError);
});
