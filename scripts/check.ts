// Everything that can be checked in under a minute: types, lint, format, schema rules, generated files, import arrows, goldens, unit tests.
import { execFileSync } from "node:child_process";
import { binary, jest, node, quietly, type Step } from "./steps.ts";

const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();

/** What a schema change is held against: the last commit, or the one before it where nothing is uncommitted. */
function lastCommit(): string {
  if (git("status", "--porcelain", "proto") !== "") return "HEAD";
  return git("rev-list", "--count", "HEAD") === "1" ? "HEAD" : "HEAD~1";
}

const quick: Step[] = [
  binary("types", "tsc", "-p", "."),
  binary("format and lint", "biome", "check", "--error-on-warnings", "."),
  binary("promises (typed lint)", "oxlint", "--type-aware", "--deny-warnings", "."),
  binary("schema lint", "buf", "lint"),
  binary("schema format", "buf", "format", "--diff", "--exit-code"),
  binary("schema breaks nobody", "buf", "breaking", "--against", `.git#ref=${lastCommit()}`),
];

/** Generated files, read before and after: what changes was stale or edited by hand. */
async function generatedIsFresh(): Promise<boolean> {
  const state = () => git("status", "--porcelain", "--untracked-files=all") + git("diff", "HEAD");
  const before = state();
  const ok = await quietly(node("generated files", "scripts/generate.ts"));
  if (ok && state() !== before)
    console.log("FAILED generated files were stale; they are fresh now: review and commit them");
  return ok && state() === before;
}

const results = await Promise.all(quick.map(quietly));
results.push(await generatedIsFresh());
// CI leaves them to `npm test`, which runs every test anyway.
if (!process.argv.includes("--no-tests"))
  results.push(
    await quietly({
      ...jest("--selectProjects", "unit", "--maxWorkers=2"),
      name: "unit tests, import arrows, goldens",
    }),
  );
process.exitCode = results.every(Boolean) ? 0 : 1;
console.log(process.exitCode === 0 ? "all well" : "something is wrong: see above");
