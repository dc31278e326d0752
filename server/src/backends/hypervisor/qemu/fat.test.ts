import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { fatDisk, writeFatDisk } from "./fat.ts";

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251));

test("fatDisk() has the label, and every file under its long name", () => {
  const disk = fatDisk("CIDATA", [{ name: "meta-data", data: bytes(10) }]);
  expect(disk).toHaveLength(1024 * 1024);
  expect(disk.subarray(43, 54).toString()).toBe("CIDATA     ");
  expect(disk.readUInt16LE(510)).toBe(0xaa55);
});

test("fatDisk() refuses what does not fit", () => {
  expect(() => fatDisk("CIDATA", [{ name: "user-data", data: bytes(1024 * 1024) }])).toThrow("user-data does not fit");
});

test("writeFatDisk() writes the whole disk, and what is empty at its end as a hole", () => {
  const dir = mkdtempSync(join(tmpdir(), "photon-fat-"));
  try {
    const [file, disk] = [join(dir, "seed"), fatDisk("CIDATA", [{ name: "meta-data", data: bytes(1000) }])];
    for (let times = 0; times < 2; times++) writeFatDisk(file, disk);
    expect(readFileSync(file).equals(disk)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).blocks * 512).toBeLessThan(disk.length);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

const mtools = spawnSync("mcopy", ["-V"]).status === 0;
(mtools ? test : test.skip)("fatDisk() is read by others as it was written", () => {
  const dir = mkdtempSync(join(tmpdir(), "photon-fat-"));
  try {
    const files = [0, 1, 511, 512, 513, 65_536].map((length) => ({
      name: `a-file-of-${length}-bytes`,
      data: bytes(length),
    }));
    writeFatDisk(join(dir, "seed"), fatDisk("CIDATA", files));
    for (const { name, data } of files) {
      const read = spawnSync("mtype", ["-i", join(dir, "seed"), `::${name}`]);
      expect({ name, read: read.stdout.equals(data), error: read.stderr.toString() }).toEqual({
        name,
        read: true,
        error: "",
      });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
