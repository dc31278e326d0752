// What the small process that starts programs is told (POSIX, Shell Command Language). It answers on its third stream: which process it is, and how it went.
import { readFileSync, rmSync } from "node:fs";

/** A program that outlives us. It reads nothing, and is in the root folder. */
export interface Start {
  readonly words: readonly string[];
  /** The file that all that it says is added to. */
  readonly log: string;
  /** Files into which it writes 0 first, which means itself: so it is in its control groups from its first instruction on, and memory is charged where it was taken. Default none. */
  readonly controlGroups?: readonly string[];
}

/** A program that comes to its end soon. */
export interface Run {
  readonly words: readonly string[];
  readonly input: string;
  /** More than what all have. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where what it says is kept. */
export interface Files {
  readonly out: string;
  readonly err: string;
}

/** The last line of each script has the shell take note of programs that have ended. */
const takeNote = "( : )\n";

/** Where any of it fails, or we are gone, nothing begins. */
export function startScript(id: string, { words, log, controlGroups = [] }: Start): string {
  const steps = [
    "cd /",
    ...controlGroups.map((file) => `echo 0 >${quoted(file)}`),
    `echo ${id} begins >&3`,
    `exec ${line(words)} 3>&-`,
  ];
  return `( { ${steps.join(" &&\n")}
} </dev/null >>${quoted(log)} 2>&1 || echo ${id} fails >&3 ) &
echo ${id} is $!
${takeNote}`;
}

/** Its status is told when it has ended. */
export function runScript(id: string, { words, input, env }: Run, { out, err }: Files): string {
  const own = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)} `);
  return `( ${fed(input)}${own.join("")}${line(words)} >${quoted(out)} 2>${quoted(err)} 3>&- &
echo ${id} is $! >&3
wait $!
echo ${id} ended $? >&3 ) &
${takeNote}`;
}

/** How a program ended, by its shell's word. Its files are read and removed. */
export function endingsOf(status: number, files: Files | undefined) {
  const [stdout, stderr] = [taken(files?.out), taken(files?.err)];
  return { code: status === killed ? -1 : status, stdout, stderr };
}

/** A shell's word for a program that SIGKILL has ended. */
const killed = 128 + 9;

function taken(file = ""): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  } finally {
    rmSync(file, { force: true });
  }
}

/** In the background a program reads nothing unless it is fed. */
function fed(input: string): string {
  return input === "" ? "" : `printf %s ${quoted(input)} | `;
}

function line(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

/** Between single quotes nothing has a meaning but a single quote (2.2.2). */
function quoted(word: string): string {
  if (word.includes("\0")) throw new Error("a program's word can't hold a zero byte");
  return `'${word.replaceAll("'", "'\\''")}'`;
}
