import { expect, test } from "@jest/globals";
import { openWorld } from "../testing/world.ts";
import { createSealing } from "./sealing.ts";

const key = new Uint8Array(32).fill(7);
const value = new TextEncoder().encode("a private key");

test("seal() hides a value from everyone without the master key and the name", () => {
  const sealed = createSealing(key).seal(value, "one");
  expect(Buffer.from(sealed).toString("latin1")).not.toContain("private");
  expect(Buffer.from(createSealing(key).open(sealed, "one"))).toEqual(Buffer.from(value));
  expect(() => createSealing(key).open(sealed, "two")).toThrow("can't be decrypted");
  expect(() => createSealing(new Uint8Array(32)).open(sealed, "one")).toThrow("can't be decrypted");
  expect(() => createSealing(undefined).open(sealed, "one")).toThrow("set the master key");
});

test("open() reads what was kept before there was a master key", () => {
  const plain = createSealing(undefined).seal(value, "one");
  expect(Buffer.from(createSealing(key).open(plain, "one"))).toEqual(Buffer.from(value));
});

test("the private signing keys are sealed where there is a master key", async () => {
  for (const masterKey of [undefined, key]) {
    const world = await openWorld({ masterKey });
    await world.loginAlice();
    const kept = await world.store.records.list("iam/signing-keys");
    const text = kept.map((record) => Buffer.from(record.value).toString("latin1")).join();
    expect(text.includes('"d":')).toBe(masterKey === undefined);
    await world.close();
  }
});
