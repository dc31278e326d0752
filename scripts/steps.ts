// Runs commands with the repo's Node and says how each went. What `check`, `test` and `build` share.
import { spawn } from "node:child_process";
import { join } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dirname, "..");

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** A script or package binary written in JavaScript, run by this Node with the packages' sources. */
export function node(name: string, script: string, ...args: string[]): Step {
  return { name, command: [process.execPath, "--conditions=photon-source", script, ...args] };
}

/** Jest, as every script of ours calls it. */
export function jest(...args: string[]): Step {
  const flags = ["--conditions=photon-source", "--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  return { name: "jest", command: [process.execPath, ...flags, "node_modules/jest/bin/jest.js", ...args] };
}

/** A binary of the packages. */
export function binary(name: string, file: string, ...args: string[]): Step {
  return { name, command: [join(root, "node_modules/.bin", file), ...args] };
}

/** Runs a step with its output shown as it comes; answers its exit code. */
export function show(step: Step): Promise<number> {
  const [file, ...args] = step.command;
  const child = spawn(file, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...step.env } });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** Runs a step quietly; its output is shown when it fails. Answers whether it went well. */
export function quietly(step: Step): Promise<boolean> {
  const [file, ...args] = step.command;
  const started = performance.now();
  const child = spawn(file, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...step.env },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s)`);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}
