// A disk with an archive of Dropbear (SSH, both sides) and the libraries that it needs, for tests: the tiny guest has neither.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { keptImage, run } from "./kept.ts";
import { unpack } from "./tiny.ts";

const packages = ["dropbear-bin", "libc6", "libcrypt1", "libgmp10", "libtomcrypt1", "libtommath1", "zlib1g"];

function build(work: string): string {
  const [tree, archive, made] = [join(work, "tree"), join(work, "programs.tar"), join(work, "programs.qcow2")];
  mkdirSync(tree);
  for (const name of packages) unpack(name, tree);
  const without = ["gconv", "audit", "share"].map((name) => `--exclude=${name}`);
  run("tar", "-cf", archive, "-C", tree, ...without, "lib", "lib64", "usr");
  run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", archive, made);
  return made;
}

/** Answers the disk's file in `dir`, building it if it is not there. @throws Error if the packages can't be had. */
export function dropbearDisk(dir: string): string {
  return keptImage({ name: "dropbear", sources: ["dropbear.ts", "kept.ts"], build }, dir);
}
