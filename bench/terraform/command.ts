// One command of Terraform's, and what it and the providers that it started took.
import { spawn } from "node:child_process";
import { childrenCpuSeconds, childrenOf, cpuSeconds, peakBytes } from "../linux/proc.ts";

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
const mib = 1 << 20;

/** Runs a command. @throws Error with what it said if it fails */
export function run(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Taken> {
  const [started, cpuBefore] = [performance.now(), childrenCpuSeconds()];
  const child = spawn("terraform", args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const [cpu, memory] = [new Map<number, number>(), new Map<number, number>()];
  const look = setInterval(() => {
    // A provider is a shell first, which becomes Node in its own place.
    for (const pid of childrenOf(child.pid ?? 0)) {
      cpu.set(pid, Math.max(cpu.get(pid) ?? 0, cpuSeconds(pid)));
      memory.set(pid, Math.max(memory.get(pid) ?? 0, peakBytes(pid) / mib));
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
        providerMib: Math.max(0, ...memory.values()),
      });
    });
  });
}
