#!/usr/bin/env node
// Runs the command from its source with Node 24 or newer: the one that runs this, or the one that the packages carry.
// Plain JavaScript with no imports of ours, since the machine's Node may be 20.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = 24;

/** The nearest node_modules/.bin/node above this file. */
function carriedNode() {
  for (let folder = cli; ; folder = dirname(folder)) {
    const node = join(folder, "node_modules/.bin/node");
    if (existsSync(node)) return node;
    if (dirname(folder) === folder) return undefined;
  }
}

const node = Number(process.versions.node.split(".")[0]) >= wanted ? process.execPath : carriedNode();
if (node === undefined) {
  console.error(
    `photon needs Node ${wanted} or newer; this is ${process.versions.node}, and no other came with the packages.`,
  );
  process.exit(1);
}
const args = ["--conditions=photon-source", join(cli, "src/start.ts"), ...process.argv.slice(2)];
const child = spawn(node, args, { stdio: "inherit" });
// A signal from the terminal reaches both; one that is sent to this process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
