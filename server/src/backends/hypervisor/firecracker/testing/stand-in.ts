// Makes the stand-in a program that can be started as "firecracker" is.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What it is made of; copied, since machines' users may not be able to reach where the sources are. */
const parts = ["firecracker.ts", "server.ts", "model.ts", "routes.ts"];

/** Answers the program's path in `folder`, which every user must be able to reach. */
export function installStandIn(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const part of parts) {
    copyFileSync(join(import.meta.dirname, part), join(folder, part));
    chmodSync(join(folder, part), 0o644);
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }), { mode: 0o644 });
  const program = join(folder, "firecracker");
  const command = `exec '${process.execPath}' '${join(folder, "firecracker.ts")}' "$@"`;
  writeFileSync(program, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  return program;
}
