import { expect, test } from "@jest/globals";
import type { FilePart } from "./driver.ts";
import { bytesOf, partsOf } from "./file-parts.ts";

async function* chunks(...all: readonly Uint8Array[]) {
  yield* all;
}

async function parted(...all: readonly Uint8Array[]): Promise<readonly FilePart[]> {
  const parts: FilePart[] = [];
  for await (const part of partsOf(chunks(...all))) parts.push(part);
  return parts;
}

const some = Buffer.from("some");

test.each([
  ["nothing", [], []],
  ["bytes", [some], [some]],
  ["zeros", [Buffer.alloc(3), Buffer.alloc(600_000)], [{ zeros: 600_003 }]],
  ["zeros between bytes", [some, Buffer.alloc(5), some], [some, { zeros: 5 }, some]],
  ["bytes at the end of zeros", [Buffer.concat([Buffer.alloc(300_000), some])], undefined],
])("partsOf() tells of %s, and bytesOf() brings them back", async (_, given, expected) => {
  const parts = await parted(...given);
  expect(parts).toEqual(expected ?? given);
  expect(Buffer.concat(parts.flatMap((part) => [...bytesOf(part)]))).toEqual(Buffer.concat(given));
});
