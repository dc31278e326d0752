// New disks as qemu-img sees them: whole, and the same as those that it makes itself.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { checkHead } from "./qcow2.ts";
import { writeNewDisk } from "./qcow2-new.ts";
import { recordOf } from "./qmp.ts";

const missing = qemuMissing();
const { signal } = new AbortController();
const root = mkdtempSync(join(tmpdir(), "pq-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const qemuImg = (...args: string[]) => run("qemu-img", args, signal);
const mib = 1024 ** 2;

/** All that qemu-img tells but the file's own name and what it takes of the host. */
async function told(file: string): Promise<unknown> {
  const info = recordOf(JSON.parse(await qemuImg("info", "--output=json", "-f", "qcow2", file)));
  return { ...info, filename: "", "actual-size": 0 };
}

describe.each([
  { name: "1 MiB", mebibytes: 1 },
  { name: "no multiple of a table's reach", mebibytes: 513 },
  { name: "1 GiB", mebibytes: 1024 },
  { name: "tables of several clusters", mebibytes: 9 * 1024 ** 2 },
])("writeNewDisk() of $name", ({ mebibytes }) => {
  const virtualSize = mebibytes * mib;
  const file = (name: string) => join(root, `${name}-${mebibytes}.qcow2`);

  test("is a head that is known to be whole", () => {
    writeNewDisk(file("alone"), { virtualSize });
    expect(checkHead(file("alone"), "it")).toEqual({ virtualSize, hasBacking: false });
    expect(() => writeNewDisk(file("alone"), { virtualSize })).toThrow("EEXIST");
    expect(statSync(file("alone")).blocks * 512).toBeLessThan(mib);
  });

  (missing === undefined ? test : test.skip)("is as qemu-img makes it, on an image too", async () => {
    writeNewDisk(file("empty"), { virtualSize });
    await qemuImg("create", "-q", "-f", "qcow2", file("theirs"), `${mebibytes}M`);
    expect(await told(file("empty"))).toEqual(await told(file("theirs")));
    writeNewDisk(file("ours-on"), { virtualSize, base: file("theirs") });
    await qemuImg(
      "create",
      "-q",
      "-f",
      "qcow2",
      "-b",
      file("theirs"),
      "-F",
      "qcow2",
      file("theirs-on"),
      `${mebibytes}M`,
    );
    expect(await told(file("ours-on"))).toEqual(await told(file("theirs-on")));
    for (const one of ["empty", "ours-on"]) await qemuImg("check", "-q", "-f", "qcow2", file(one));
  });

  (missing === undefined ? test : test.skip)("takes writes and grows", async () => {
    writeNewDisk(file("base"), { virtualSize });
    const io = (of: string, ...commands: string[]) =>
      run("qemu-io", ["-f", "qcow2", ...commands.flatMap((command) => ["-c", command]), file(of)], signal);
    await io("base", "write -P 1 0 128k");
    writeNewDisk(file("top"), { virtualSize, base: file("base") });
    const last = virtualSize - 65_536;
    await io("top", "read -P 1 0 128k", "write -P 2 64k 64k", `write -P 3 ${last} 64k`);
    await qemuImg("resize", "-q", "-f", "qcow2", file("top"), "+512M");
    const read = await io(
      "top",
      "read -P 1 0 64k",
      "read -P 2 64k 64k",
      `read -P 3 ${last} 64k`,
      `read -P 0 ${virtualSize} 64k`,
    );
    expect(read).not.toContain("verification failed");
    await qemuImg("check", "-q", "-f", "qcow2", file("top"));
  });
});
