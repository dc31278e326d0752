// Runs the real cdktf CLI. It loads a native terminal module that its maker built for Node 18 to 22, so it runs on such a Node where the
// machine has one; otherwise on ours, with a stand-in for that module. The program that it synthesizes always runs on ours.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../steps.ts";

const terminal = "@cdktf/node-pty-prebuilt-multiarch";
const cli = join(root, "node_modules/cdktf-cli/bundle/bin/cdktf");

function loadsTerminal(node: string): boolean {
  const module = createRequire(join(root, "package.json")).resolve(terminal);
  return spawnSync(node, ["-e", `require(${JSON.stringify(module)})`], { stdio: "ignore" }).status === 0;
}

/** Every `node` on PATH, ours among them. */
function nodesOnPath(): string[] {
  return (process.env.PATH ?? "").split(":").map((folder) => join(folder, "node"));
}

let command: readonly [string, ...string[]] | undefined;

/** The command line that starts cdktf here. */
export function cdktfCommand(): readonly [string, ...string[]] {
  if (command === undefined) {
    const node = nodesOnPath().find(loadsTerminal);
    command =
      node === undefined
        ? [process.execPath, "--require", join(import.meta.dirname, "terminal.cjs"), cli]
        : [node, cli];
  }
  return command;
}

// `npm run cdktf -- deploy` in the folder of a CDKTF program.
if (import.meta.main) {
  const [file, ...args] = cdktfCommand();
  const cwd = process.env.INIT_CWD ?? process.cwd();
  const env = { ...process.env, CHECKPOINT_DISABLE: "1" };
  process.exitCode = spawnSync(file, [...args, ...process.argv.slice(2)], { cwd, env, stdio: "inherit" }).status ?? 1;
}
