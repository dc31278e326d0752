// Whether Terraform looks at a part of its configuration alone. The protocol does not say; the command line that it was started with does, and the
// saved plan that it names.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { isPartialPlan } from "./saved-plan.ts";

/** Terraform's -target, and OpenTofu's -exclude and the files of both. */
const partial = /^--?(target|exclude)(-file)?(=|$)/;

/** -parallelism=1: nothing is told of before what came before it is answered. */
const serial = /^--?parallelism=0*1$/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags may also stand in TF_CLI_ARGS and TF_CLI_ARGS_apply, TF_CLI_ARGS_plan, … */
function flagsOf(env: Environment, commandLine: readonly string[]): readonly string[] {
  const given = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith("TF_CLI_ARGS") ? (value ?? "").split(/\s+/) : [],
  );
  return [...commandLine.slice(1), ...given];
}

/** Whether Terraform does one thing at a time. */
export function isSerial(env: Environment, commandLine: readonly string[]): boolean {
  return flagsOf(env, commandLine).some((argument) => serial.test(argument));
}

export async function isTargeted(env: Environment, commandLine: readonly string[]): Promise<boolean> {
  const told = flagsOf(env, commandLine);
  if (told.some((argument) => partial.test(argument))) return true;
  const plans = await Promise.all(told.filter((argument) => !argument.startsWith("-")).map(isPartialPlan));
  return plans.includes(true);
}

/** The arguments of the process that started this one; none where they can't be read. */
export async function parentCommandLine(): Promise<readonly string[]> {
  const found = await readFile(`/proc/${process.ppid}/cmdline`, "utf8").catch(() => undefined);
  if (found !== undefined) return found.split("\0");
  const shown = await promisify(execFile)("ps", ["-o", "args=", "-p", String(process.ppid)]).catch(() => undefined);
  return shown?.stdout.split(/\s+/) ?? [];
}
