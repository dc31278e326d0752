// `npm run dev`: a cloud on this machine that starts anew whenever its code changes; its data stays in .photon/dev.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./steps.ts";

const server = [
  "--conditions=photon-source",
  "--watch",
  "--watch-preserve-output",
  join(root, "cli/src/start.ts"),
  "server",
  "--dev",
];
const child = spawn(process.execPath, [...server, ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("exit", (code) => {
  process.exitCode = code ?? 0;
});
