// One command of Terraform's, and what it and the providers that it started took.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** What one command took. */
export interface Taken {
  readonly seconds: number;
  /** Of Terraform and all its providers' processes. */
  readonly cpuSeconds: number;
  /** Of all its providers' processes. */
  readonly providerCpuSeconds: number;
  /** Of its largest provider process, in MiB. */
  readonly providerMib: number;
}

/** How often the providers are looked at: what they took is what they had taken when they were last seen. */
const lookMs = 25;
/** Clock ticks in a second: Linux shows every user 100 (proc(5), sysconf(3)). */
const ticksPerSecond = 100;

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended.
    return "";
  }
};

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Each thread has its own: Go starts processes from any of them. */
const childrenOf = (pid: number): number[] =>
  threadsOf(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );

/** Peak of the resident memory, in MiB. */
const peakMib = (pid: number): number => Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;

/** Two neighbours of the fields behind the name, which may have blanks (proc(5)). */
function ticks(pid: number | "self", first: number): number {
  const fields = read(`/proc/${pid}/stat`).split(") ").pop()?.split(" ") ?? [];
  return (Number(fields[first] ?? 0) + Number(fields[first + 1] ?? 0)) / ticksPerSecond;
}
/** utime and stime. */
const cpuSeconds = (pid: number): number => ticks(pid, 11);
/** cutime and cstime: of our children that have ended, with theirs. */
const childrenCpuSeconds = (): number => ticks("self", 13);

/** Runs a command. @throws Error with what it said if it fails */
export function run(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Taken> {
  const [started, cpuBefore] = [performance.now(), childrenCpuSeconds()];
  const child = spawn("terraform", args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const [cpu, mib] = [new Map<number, number>(), new Map<number, number>()];
  const look = setInterval(() => {
    // A provider is a shell first, which becomes Node in its own place.
    for (const pid of childrenOf(child.pid ?? 0)) {
      cpu.set(pid, Math.max(cpu.get(pid) ?? 0, cpuSeconds(pid)));
      mib.set(pid, Math.max(mib.get(pid) ?? 0, peakMib(pid)));
    }
  }, lookMs);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => {
      said = `${said}${text}`.slice(-4096);
    });
  return new Promise<Taken>((resolve, reject) => {
    child.once("error", reject).once("close", (code) => {
      clearInterval(look);
      const seconds = (performance.now() - started) / 1000;
      if (code !== 0) return reject(new Error(`terraform ${args.join(" ")} ended with ${code}:\n${said}`));
      const providerCpuSeconds = [...cpu.values()].reduce((sum, one) => sum + one, 0);
      return resolve({
        seconds,
        cpuSeconds: childrenCpuSeconds() - cpuBefore,
        providerCpuSeconds,
        providerMib: Math.max(0, ...mib.values()),
      });
    });
  });
}
