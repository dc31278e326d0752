// The packages of the Terraform provider that lie in a folder, by version and platform, with the checksums that Terraform asks for.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** A zip of the provider for one platform. */
export interface Package {
  /** "terraform-provider-photoncloud_0.1.0_linux_amd64.zip" */
  readonly file: string;
  readonly path: string;
  readonly version: string;
  /** As Go names them: "linux", "darwin". */
  readonly os: string;
  /** "amd64", "arm64". */
  readonly arch: string;
  readonly sizeBytes: number;
}

const name = /^terraform-provider-photoncloud_(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)_([a-z]+)_([a-z0-9]+)\.zip$/;

export class Packages {
  readonly #folder: string;
  /** By what a file is: a new one of the same name is read anew. */
  readonly #digests = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is there now, by name. */
  all(): readonly Package[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .sort()
      .flatMap((file) => {
        const [, version, os, arch] = name.exec(file) ?? [];
        if (version === undefined || os === undefined || arch === undefined) return [];
        const path = join(this.#folder, file);
        return [{ file, path, version, os, arch, sizeBytes: statSync(path).size }];
      });
  }

  /** SHA-256 of a package, in hexadecimal. */
  sha256({ path }: Package): Promise<string> {
    const { mtimeMs, size, ino } = statSync(path);
    const key = `${path} ${ino} ${size} ${mtimeMs}`;
    const known = this.#digests.get(key) ?? digest(path);
    this.#digests.set(key, known);
    known.catch(() => this.#digests.delete(key));
    return known;
  }

  /** A version's SHA256SUMS, as sha256sum writes it. */
  async sums(version: string): Promise<string> {
    const packages = this.all().filter((one) => one.version === version);
    const lines = await Promise.all(packages.map(async (one) => `${await this.sha256(one)}  ${one.file}\n`));
    return lines.join("");
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
