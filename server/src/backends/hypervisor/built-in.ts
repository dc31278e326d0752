// The files of the built-in images, in a folder that the operator fills: an image "debian-12" is the newest of debian-12.qcow2 and debian-12-*.qcow2.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** @param images what the operator said. */
export function imageFolder(dataDir: string, images: string | undefined): string {
  return images ?? join(resolve(dataDir), "images-built-in");
}

/** Those of the images that the folder has a file for. */
export function builtInFiles(folder: string, imageIds: readonly string[]): ReadonlyMap<string, string> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".qcow2")) : [];
  const files = names.map((name) => ({ name, path: join(folder, name) }));
  return new Map(
    imageIds.flatMap((id) => {
      const own = files.filter(({ name }) => name === `${id}.qcow2` || name.startsWith(`${id}-`));
      const [newest] = own.toSorted((a, b) => statSync(b.path).mtimeMs - statSync(a.path).mtimeMs);
      return newest === undefined ? [] : [[id, newest.path] as const];
    }),
  );
}
