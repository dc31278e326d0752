// `npm test`: sets up what the tests need, runs every one of them by name, and ends with the count on a line of its own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { jest, node, quietly, root, show } from "./steps.ts";

const ci = process.env.CI === "true";
const postgres = "/usr/lib/postgresql/15/bin/postgres";

/** PostgreSQL is the one thing that the packages do not bring. Root on Debian gets it; others are told how, and its tests are skipped by name. */
function installPostgres(): void {
  if (existsSync(postgres)) return;
  const line = "apt-get install -y --no-install-recommends postgresql-15";
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    console.log(`PostgreSQL is not installed, so its tests will be skipped; to run them: sudo ${line}`);
    return;
  }
  console.log("installing PostgreSQL for the tests …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("sh", ["-c", `apt-get update -q && ${line}`], { stdio: ["ignore", "ignore", "inherit"], env });
}

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

installPostgres();
const built = await quietly(node("build", "scripts/build.ts"));
if (!built) process.exit(1);
const file = join(root, ".photon/test-results.json");
mkdirSync(join(root, ".photon"), { recursive: true });
const code = await show(
  jest("--verbose", "--json", `--outputFile=${file}`, "--maxWorkers=2", ...process.argv.slice(2)),
);
const results: Results = JSON.parse(readFileSync(file, "utf8"));
const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
if (ci && results.numPendingTests > 0) console.log("in CI no test may be skipped");
process.exitCode = code !== 0 || failed > 0 || (ci && results.numPendingTests > 0) ? 1 : 0;
console.log(`${results.numPassedTests} passed, ${failed} failed, ${results.numPendingTests} skipped`);
