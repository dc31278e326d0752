import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { readConfig } from "./config.ts";
import { masterKeyOf } from "./master-key.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "photon-key-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keyOf = (...flags: readonly string[]) => masterKeyOf(readConfig(["--data", join(folder, "data"), ...flags], {}));

const database = ["--database-url", "postgres://host/cloud"];

test.each([[], ["--dev"], ["--dev", ...database]])(
  "a server of its own makes a key that only its owner reads, and keeps it (%s)",
  (...flags) => {
    const made = keyOf(...flags);
    expect(made).toHaveLength(32);
    expect(keyOf(...flags)).toEqual(made);
    expect(readdirSync(join(folder, "data"))).toEqual(["master.key"]);
    expect(statSync(join(folder, "data/master.key")).mode & 0o777).toBe(0o600);
  },
);

test("the key of a file that is named is taken, and nothing is made", () => {
  const file = join(folder, "named.key");
  writeFileSync(file, "ab".repeat(32));
  expect(keyOf("--master-key-file", file)).toEqual(Buffer.alloc(32, 0xab));
  expect(readdirSync(folder)).toEqual(["named.key"]);
  expect(readFileSync(file, "utf8")).toBe("ab".repeat(32));
});

test("servers that share a database must be given their key, unless they are for trying out", () => {
  expect(() => keyOf(...database)).toThrow(/master-key-file must be named/);
});

test("a file that holds no key is refused", () => {
  const file = join(folder, "named.key");
  writeFileSync(file, "short");
  expect(() => keyOf("--master-key-file", file)).toThrow(/64 hexadecimal digits/);
});
