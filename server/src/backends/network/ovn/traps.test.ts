// The table of OVN's traps in docs/network.md, held against the tests that it names.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../../../../..");
const page = readFileSync(join(root, "docs/network.md"), "utf8");

/** The traps' numbers, and the tests that try them. */
const traps = [...page.matchAll(/^\| (T\d+) \|.*\| ([^|]+) \|$/gm)].map(([, trap = "", tried = ""]) => ({
  trap,
  tests: [...tried.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
}));

const files = ["test/network", "server/src/backends/network/ovn"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(root, folder, file)),
);

test("the table has all traps", () => {
  expect(traps.map(({ trap }) => trap)).toEqual(Array.from({ length: 14 }, (_, index) => `T${index + 1}`));
});

test.each(traps)("$trap is tried where the table says, by name", ({ trap, tests }) => {
  expect(tests).not.toEqual([]);
  for (const name of tests) {
    const file = files.find((one) => basename(one) === name || one.endsWith(`/test/network/${name}.test.ts`)) ?? "";
    expect({ name, tries: new RegExp(`\\b${trap}\\b`).test(readFileSync(file, "utf8")) }).toEqual({
      name,
      tries: true,
    });
  }
});
