import { expect, test } from "@jest/globals";
import type { Accelerator } from "../qemu/accelerator.ts";
import { firecrackerMissing, openFirecracker } from "./index.ts";

const kvm: Accelerator = { name: "kvm", why: "KVM ran a probe in 60 ms" };
const slow = "KVM is there but took 2800 ms for a probe that emulation runs in 60 ms";
const tcg: Accelerator = { name: "tcg", why: `${slow}: guests are emulated, which is slow` };
/** A program that is there everywhere. */
const program = process.execPath;

test("firecrackerMissing() says that the program is not there, before anything else", async () => {
  const missing = await firecrackerMissing({ program: "/nowhere/firecracker", accelerator: tcg });
  expect(missing).toMatch(/^not installed: \/nowhere\/firecracker/);
});

test("firecrackerMissing() says what is wrong with KVM", async () => {
  const missing = await firecrackerMissing({ program, accelerator: tcg });
  // Where another program is not there, that is said.
  if (missing?.startsWith("not installed")) return;
  expect(missing).toBe(`microVMs need a KVM that runs ordinary guests: ${slow}`);
});

test("openFirecracker() fails with that sentence", async () => {
  const options = {
    folders: { data: "/nowhere", run: "/nowhere" },
    kernel: { image: "/nowhere" },
    program: "/nowhere/firecracker",
    accelerator: kvm,
  };
  await expect(openFirecracker(options)).rejects.toMatchObject({
    reason: "unavailable",
    message: expect.stringMatching(/^not installed: \/nowhere\/firecracker/),
  });
});
