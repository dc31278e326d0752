// Builds what users install: the SDK, the provider and the constructs, each by its own script. What is built already from the same
// sources is left alone, so that a build under way in one place takes nothing away from another.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { node, root, show } from "./steps.ts";

/** What each package's build reads, beside its own folder. */
const packages: Readonly<Record<string, readonly string[]>> = {
  sdk: ["proto/src"],
  provider: ["proto/src", "sdk/src"],
  constructs: [],
};

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A digest of everything that goes into a package. */
function digestOf(name: string, others: readonly string[]): string {
  const own = [`${name}/src`, `${name}/scripts`].flatMap(filesIn);
  const files = [join(root, "package-lock.json"), join(root, name, "package.json"), ...own, ...others.flatMap(filesIn)];
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.slice(root.length)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

for (const [name, others] of Object.entries(packages)) {
  const mark = join(root, name, "dist/.built");
  const digest = digestOf(name, others);
  if (existsSync(mark) && readFileSync(mark, "utf8") === digest) continue;
  const code = await show(node(name, `${name}/scripts/build.ts`));
  if (code !== 0) process.exit(code);
  writeFileSync(mark, digest);
}
