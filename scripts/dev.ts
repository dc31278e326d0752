// `npm run dev`: a cloud on this machine that starts anew whenever its code changes; its data stays in .photon/dev.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { qemuMissing } from "../server/src/backends/hypervisor/qemu/index.ts";
import { ovnMissing } from "../server/src/backends/network/ovn/private/missing.ts";
import { tinyImage } from "./images/tiny.ts";
import { root } from "./steps.ts";

const server = [
  "--conditions=photon-source",
  "--watch",
  "--watch-preserve-output",
  join(root, "cli/src/start.ts"),
  "server",
  "--dev",
];
/** Where guests can run they get one to start from, unless somebody has brought others. */
function images(): NodeJS.ProcessEnv {
  const folder = join(root, ".photon/images");
  if (process.env.PHOTON_IMAGES !== undefined || ovnMissing() !== undefined || qemuMissing() !== undefined) return {};
  try {
    tinyImage(folder);
    return { PHOTON_IMAGES: folder };
  } catch (error) {
    console.error(`no guest to start from: ${error instanceof Error ? error.message : error}`);
    return {};
  }
}

const env = { ...process.env, ...images() };
const child = spawn(process.execPath, [...server, ...process.argv.slice(2)], { cwd: root, stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("exit", (code) => {
  process.exitCode = code ?? 0;
});
