// Builds the package twice from one source: dist/cdktf for cdktf, dist/cdktn for its successor. CommonJS, as both base packages are,
// which `require` and `import` load alike.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const folder = join(import.meta.dirname, "..");
const dist = join(folder, "dist");

/** In the second copy the one module that names the base package names the other one. */
const toCdktn = {
  name: "cdktn",
  setup: (on: import("esbuild").PluginBuild) => {
    on.onResolve({ filter: /^cdktf$/ }, () => ({ path: "cdktn", external: true }));
  },
};

async function bundle(base: "cdktf" | "cdktn"): Promise<void> {
  await build({
    entryPoints: [join(folder, "src/index.ts")],
    outfile: join(dist, base, "index.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["cdktf", "constructs"],
    plugins: base === "cdktn" ? [toCdktn] : [],
    logLevel: "warning",
  });
  writeFileSync(join(dist, base, "package.json"), '{ "type": "commonjs" }\n');
}

/** Declarations name their neighbours as .ts files, which a consumer's compiler does not look for. */
function declarations(base: "cdktf" | "cdktn"): void {
  const out = join(dist, base);
  execFileSync(
    join(folder, "../node_modules/.bin/tsc"),
    ["-p", join(folder, "tsconfig.build.json"), "--outDir", out, "--noEmit", "false"],
    { stdio: "inherit" },
  );
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"))) {
    const text = readFileSync(join(out, file), "utf8").replace(/(from "\.[^"]*)\.ts"/g, '$1.js"');
    writeFileSync(join(out, file), base === "cdktn" ? text.replaceAll('from "cdktf"', 'from "cdktn"') : text);
  }
}

rmSync(dist, { recursive: true, force: true });
for (const base of ["cdktf", "cdktn"] as const) {
  await bundle(base);
  declarations(base);
}
