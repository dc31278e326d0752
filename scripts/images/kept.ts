// Images that are built once, and kept until the scripts that build them change.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "./lock.ts";

/** How an image is built. */
export interface Recipe {
  /** "tiny" */
  readonly name: string;
  /** Files beside this one that it is made by. */
  readonly sources: readonly string[];
  /** Builds it in an empty folder; answers the file. */
  build(work: string): string;
}

/** Runs a program and answers what it printed. @throws Error with what it complained of. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/** Those of the packages, each with a file or a program of it, that are not installed. */
export function notInstalled(programs: Readonly<Record<string, string>>): readonly string[] {
  const isThere = (program: string) =>
    program.startsWith("/") ? existsSync(program) : folders.some((folder) => existsSync(`${folder}/${program}`));
  return Object.entries(programs)
    .filter(([, program]) => !isThere(program))
    .map(([name]) => name);
}

/** Answers the image's file in `dir`, building it if it is not there; of several processes that ask at the same time, one builds it. */
export function keptImage({ name, sources, build }: Recipe, dir: string): string {
  const image = join(dir, `${name}-${fingerprint(sources)}.qcow2`);
  if (existsSync(image)) return image;
  mkdirSync(dir, { recursive: true });
  withLock(`${image}.lock`, () => {
    if (!existsSync(image)) inEmptyFolder(name, (work) => keep(build(work), image));
  });
  return image;
}

function fingerprint(sources: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of sources) hash.update(readFileSync(join(import.meta.dirname, name)));
  return hash.digest("hex").slice(0, 16);
}

function inEmptyFolder(name: string, work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), `photon-${name}-`));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The file appears when it is whole. */
function keep(made: string, image: string): void {
  copyFileSync(made, `${image}.new`);
  renameSync(`${image}.new`, image);
}
