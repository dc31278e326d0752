// Whether a host has microVMs, and what it says where it has none; a stand-in takes Firecracker's place.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { sampleMachine, untilMachine } from "./contract.ts";
import { firecrackerMissing } from "./firecracker/index.ts";
import { installStandIn } from "./firecracker/testing/stand-in.ts";
import { type MicrovmChoice, openMicrovms } from "./microvms.ts";

const root = mkdtempSync(join(tmpdir(), "pm-"));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true, force: true }));
const program = installStandIn(join(root, "bin"));
const kvm = { name: "kvm", why: "nothing runs in a stand-in" } as const;
const tcg = { name: "tcg", why: "KVM is there but did not run a probe: guests are emulated, which is slow" } as const;
const standInMissing = await firecrackerMissing({ program, accelerator: kvm });
const { signal } = new AbortController();
const patienceMs = 20_000;

/** With images where nobody but root may look, as a server's data folder is. */
function choiceIn(name: string, kernel: string | undefined): MicrovmChoice {
  const images = join(root, name, "images");
  mkdirSync(images, { recursive: true });
  chmodSync(images, 0o700);
  chmodSync(join(root, name), 0o711);
  if (kernel !== undefined) writeFileSync(join(images, "vmlinux"), kernel, { mode: 0o600 });
  const folders = { data: join(root, name, "d"), run: join(root, name, "r") };
  return { kernelFolder: images, folders, program, accelerator: kvm };
}

const run = standInMissing === undefined ? describe : describe.skip;
run(`microVMs of a host${standInMissing === undefined ? "" : ` (${standInMissing})`}`, () => {
  const reasons: readonly (readonly [string, Partial<MicrovmChoice>, string])[] = [
    ["Firecracker is not there", { program: "/nowhere/firecracker" }, "not installed: /nowhere/firecracker"],
    [
      "KVM runs no ordinary guests",
      { accelerator: tcg },
      "microVMs need a KVM that runs ordinary guests: KVM is there but did not run a probe",
    ],
    ["there is no kernel", {}, "microVMs need a kernel to boot, and the host has no vmlinux for them"],
  ];
  test.each(reasons)("are missing where %s, which is said", async (_, change, missing) => {
    expect(await openMicrovms({ ...choiceIn("none", undefined), ...change })).toEqual({ missing });
  });

  test("boot a copy of the kernel that their users can read, and another one after the operator has put it there", async () => {
    const choice = choiceIn("some", "first");
    const copy = join(choice.folders.data, "vmlinux");
    const driver = await openMicrovms(choice);
    if ("missing" in driver) throw new Error(driver.missing);
    expect(statSync(copy).mode & 0o777).toBe(0o444);
    const { imageId: _, ...empty } = sampleMachine("vm-1", "");
    await driver.define({ ...empty, machine: "microvm" }, signal);
    await driver.start("vm-1", signal);
    await untilMachine(driver, "vm-1", "running", patienceMs);
    await driver.remove("vm-1", signal);
    await driver.close();
    writeFileSync(join(choice.kernelFolder, "vmlinux"), "other");
    const later = Date.now() / 1000 + 60;
    utimesSync(join(choice.kernelFolder, "vmlinux"), later, later);
    const again = await openMicrovms(choice);
    if (!("missing" in again)) await again.close();
    expect(readFileSync(copy, "utf8")).toBe("other");
  });
});
