// Builds what is published: ESM and CommonJS with types, the schema bundled in. Run by `npm run build`; writes sdk/dist.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build, transformSync } from "esbuild";

const sdk = join(import.meta.dirname, "..");
const dist = join(sdk, "dist");
const entries = ["src/index.ts", "src/testing/index.ts", "src/contexts/index.ts", "src/calls/index.ts"];
/** The oldest Node that the SDK runs on. */
const target = "node20";

function filesIn(folder: string, end: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(end))
    .map((file) => join(folder, file));
}

/** One file for each entry, and chunks for what they share: an error is of the same class wherever it comes from. */
async function buildModules(): Promise<void> {
  await build({
    absWorkingDir: sdk,
    entryPoints: entries,
    outbase: "src",
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target,
    conditions: ["photon-source"],
    external: ["@bufbuild/protobuf", "axios"],
    logLevel: "warning",
  });
}

/** The same files as CommonJS, each beside its twin. */
function buildCommonJs(): void {
  for (const file of filesIn(dist, ".js")) {
    const { code } = transformSync(readFileSync(file, "utf8"), { format: "cjs", platform: "node", target });
    writeFileSync(file.replace(/\.js$/, ".cjs"), code.replace(/require\("(\.[^"]*)\.js"\)/g, 'require("$1.cjs")'));
  }
}

/** The path of the schema's declarations from a declaration file. */
function schemaPath(file: string, types: string, subpath: string): string {
  const path = relative(dirname(file), join(types, "proto/src", subpath === "" ? "index" : subpath.slice(1)));
  return `${path.startsWith(".") ? path : `./${path}`}.js`;
}

/** Declarations must name files that are there: .js for .ts, and the schema's own in place of its package. */
function repoint(file: string, types: string): void {
  const text = readFileSync(file, "utf8")
    .replace(/((?:from|import\() ?")(\.{1,2}\/[^"]*)\.ts"/g, '$1$2.js"')
    .replace(/((?:from|import\() ?")@photoncloud\/proto([^"]*)"/g, (_, head: string, subpath: string) => {
      return `${head}${schemaPath(file, types, subpath)}"`;
    });
  writeFileSync(file, text);
}

function buildTypes(): void {
  const types = join(dist, "types");
  const config = join(sdk, "tsconfig.build.json");
  const tsc = join(sdk, "../node_modules/.bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", config], { stdio: "inherit" });
  for (const file of filesIn(types, ".d.ts")) repoint(file, types);
  mkdirSync(join(dist, "cjs"));
  cpSync(types, join(dist, "cjs/types"), { recursive: true });
  writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
}

rmSync(dist, { recursive: true, force: true });
await buildModules();
buildCommonJs();
buildTypes();
