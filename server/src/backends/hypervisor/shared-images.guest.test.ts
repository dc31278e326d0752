// One copy of an image on a host, whatever machines are made of it; a stand-in takes Firecracker's place.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { HypervisorByMachine } from "./by-machine.ts";
import { sampleMachine } from "./contract.ts";
import { firecrackerMissing, openFirecracker } from "./firecracker/index.ts";
import { microvmFiles } from "./firecracker/layout.ts";
import { installStandIn } from "./firecracker/testing/stand-in.ts";
import { microvmFolders } from "./folders.ts";
import { Images } from "./qemu/images.ts";
import { openQemu, qemuMissing } from "./qemu/index.ts";
import { imagesFolder } from "./qemu/layout.ts";

const root = mkdtempSync(join(tmpdir(), "pi-"));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true, force: true }));
const program = installStandIn(join(root, "bin"));
const accelerator = { name: "kvm", why: "nothing runs in a stand-in" } as const;
const missing = qemuMissing() ?? (await firecrackerMissing({ program, accelerator }));
const suite = missing === undefined ? describe : describe.skip;
const { signal } = new AbortController();

async function openHost() {
  const folders = { data: join(root, "d"), run: join(root, "r") };
  const [kernel, file] = [join(root, "vmlinux"), join(root, "tiny.raw")];
  writeFileSync(kernel, "");
  writeFileSync(file, Buffer.alloc(1024 ** 2, "image"));
  const folder = imagesFolder(folders);
  const sharedImages = new Images({ folder, builtIn: new Map([["tiny", file]]), localFiles: false });
  const standard = await openQemu({ folders, sharedImages, accelerator });
  const ours = { folders: microvmFolders(folders), program, accelerator, kernel: { image: kernel } };
  const microvm = await openFirecracker({ ...ours, sharedImages });
  const driver = new HypervisorByMachine({ standard, microvm });
  await driver.ensureImage({ imageId: "tiny", format: "raw", architecture: "x86_64" }, signal);
  return { driver, folder, folders: ours.folders };
}

suite(`the images of a host with machines of both kinds${missing === undefined ? "" : ` (${missing})`}`, () => {
  test("are there once, serve both, and stay while a machine of either kind stands on them", async () => {
    const { driver, folder, folders } = await openHost();
    const disks = () => readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /tiny\.q/.test(name));
    expect(disks()).toHaveLength(1);
    await driver.define(sampleMachine("vm-1", "tiny"), signal);
    await driver.define({ ...sampleMachine("vm-2", "tiny"), machine: "microvm" }, signal);
    expect(readFileSync(microvmFiles(folders, "vm-2").disk("root")).subarray(0, 10).toString()).toBe("imageimage");
    for (const vmId of ["vm-1", "vm-2"]) {
      await expect(driver.removeImage("tiny", signal)).rejects.toMatchObject({ reason: "in_use" });
      expect(readdirSync(folder)).toContain("tiny.qcow2");
      await driver.remove(vmId, signal);
    }
    await driver.removeImage("tiny", signal);
    expect(readdirSync(folder)).toEqual([]);
    expect((await driver.inventory(signal)).images).toEqual([]);
    await driver.close();
  });
});
