// Runs Jest with this repo's Node on ES modules; every argument goes to Jest: `npm run jest -- server/src/store`.
import { spawnSync } from "node:child_process";

const args = [
  "--conditions=photon-source",
  "--experimental-vm-modules",
  "--disable-warning=ExperimentalWarning",
  "node_modules/jest/bin/jest.js",
  ...process.argv.slice(2),
];
process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
