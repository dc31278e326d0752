// How the demo speaks: a headline for every chapter, what a command prints as it comes, and how long it all took.
import { spawn } from "node:child_process";

const bold = process.stdout.isTTY ? ["\u001b[1m", "\u001b[0m"] : ["", ""];
const started = performance.now();

/** Begins a chapter. */
export function chapter(title: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(2);
  console.log(`\n${bold[0]}[${seconds} s] ${title}${bold[1]}`);
}

export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What of its lines is shown; left out: all. */
  readonly only?: (line: string) => boolean;
}

/** Terminals draw spinners over lines; a log shows each line once, without colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken out
const escapes = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** cdktf begins some of Terraform's lines with the name of the stack, and indents the others by as much. */
const stackName = /^(quickstart| {10}) {2}/;

/** Runs a program and shows its lines; answers its exit code and what it printed. */
export function run({ command, cwd, env, only = () => true }: Program): Promise<{ code: number; output: string }> {
  const [file, ...args] = command;
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let rest = "";
  const print = (line: string) =>
    line.trim() !== "" && only(line) && console.log(`  ${line.trimEnd().replace(stackName, "")}`);
  const take = (chunk: Buffer): void => {
    const text = chunk.toString().replace(escapes, "");
    output += text;
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = lines.pop() ?? "";
    lines.forEach(print);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      print(rest);
      resolve({ code: code ?? 1, output });
    });
  });
}
