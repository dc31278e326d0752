// Where uploads lie, and the names that drivers are given for them: "upload:{owner}/{digest}", in a folder of this machine.
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DriverError } from "../../../backends/driver-error.ts";

const scheme = "upload:";
const shape = /^upload:([0-9a-f]{24}\/[0-9a-f]{64})$/;

/** The name of an upload: of each owner its own, so that to know a digest is not to have the bytes. */
export function uploadUrl(owner: string, digest: string): string {
  const folder = createHash("sha256").update(owner).digest("hex").slice(0, 24);
  return `${scheme}${folder}/${digest.replace(/^sha256:/, "")}`;
}

/** Where an upload lies. @throws DriverError "refused" for what is no upload's name. */
export function uploadFile(folder: string, url: string): string {
  const [, name] = shape.exec(url) ?? [];
  if (name === undefined) throw new DriverError("refused", "this is no upload's name");
  return join(folder, name);
}

/** Opens uploads from a folder of this machine. */
export function uploadsIn(folder: string): (url: string, signal: AbortSignal) => Promise<Readable> {
  return async (url, signal) => {
    const file = uploadFile(folder, url);
    if (!existsSync(file))
      throw new DriverError(
        "missing",
        "nothing with this digest was uploaded here; upload it with photon image import",
        { status: "NotUploaded" },
      );
    return createReadStream(file, { signal });
  };
}
