// Synthesizes CDKTF programs, all of them in one process of Node as their users' projects run it: `synth.ts PROGRAM FOLDER …`, in pairs.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , ...pairs] = process.argv;
for (let i = 0; i < pairs.length; i += 2) {
  const [program, folder] = [resolve(pairs[i] ?? ""), pairs[i + 1] ?? ""];
  mkdirSync(folder, { recursive: true });
  process.env.CDKTF_OUTDIR = folder;
  await import(pathToFileURL(program).href);
}
