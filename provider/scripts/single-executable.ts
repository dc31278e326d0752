// A platform's Node with the provider inside, as one file (nodejs.org/docs/latest-v24.x/api/single-executable-applications.html).
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { providerScript } from "./build.ts";

const run = promisify(execFile);
/** Where Node looks for what it holds, and the mark that it was given something: Node's own words. */
const resource = "NODE_SEA_BLOB";
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** What Node is told about the script. A code cache would fit one platform alone, and differ with each build (docs/decisions/0005). */
const config = {
  main: "main.cjs",
  output: "blob",
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  useCodeCache: false,
  // Terraform passes the user's NODE_OPTIONS on.
  execArgvExtension: "none",
};

/** Node's file for a platform becomes the provider's. Equal files and sources give equal bytes. */
export async function singleExecutable(node: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "photon-executable-"));
  try {
    const made = join(folder, "provider");
    writeFileSync(join(folder, config.main), await providerScript());
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    copyFileSync(node, made);
    await run(process.execPath, ["--experimental-sea-config", "config.json"], { cwd: folder });
    const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
    const inject = [made, resource, join(folder, config.output), "--sentinel-fuse", fuse];
    await run(process.execPath, [postject, ...inject], { cwd: folder });
    return readFileSync(made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
